"""ingest -> train -> judge -> serve."""

from audited.components import ingest, judge, serve, train
from pipeline_lib import pipeline, rolling_window


@pipeline(name="audited")
def audited(source: str, span: int, base: str, version: str, steps: int = 5, bless: bool = True) -> None:
    """A model of the last two spans, judged and pushed."""
    examples = ingest(source=source, span=span)
    model = train(rolling_window(examples, spans=2), steps=steps)
    blessing = judge(model, metrics=[{"name": "auc", "at_least": 0.6}], bless=bless)
    serve(model, blessing, base=base, version=version)
