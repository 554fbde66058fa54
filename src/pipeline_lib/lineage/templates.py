"""How pages are made from templates, be they sent to a browser or written to a file."""

from jinja2 import Environment, PackageLoader, StrictUndefined


def environment_of(package: str) -> Environment:
    """Jinja with the templates of a package; everything is escaped, whatever a template is called.

    Args:
        package: Whose folder `templates` they are in.
    """
    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
