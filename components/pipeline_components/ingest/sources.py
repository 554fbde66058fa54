"""Finding a span's files, in the launcher, before the cache key: outside data enters by its content.

This module is a driver: it loads no pyarrow and reads files only to digest them.
"""

import difflib
import hashlib
import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from pipeline_components.errors import (
    DoubledSpanError,
    MissingSpanError,
    NoSourceFilesError,
    SpanNotGivenError,
    SplitError,
    UnexpectedSpanError,
    VersionMismatchError,
)
from pipeline_components.ingest.patterns import Pattern, parse_pattern
from pipeline_components.ingest.splits import in_order, require_split_names
from pipeline_lib import Cache
from pipeline_lib.spans import date_of_span, span_of_date

WHOLE = "*"
"""Name of the only input split when a hash makes the output splits."""
_NEAREST = 3
_WRITTEN = ("size", "mtime", "created", "ino", "LastModified", "updated", "ETag", "etag", "generation")

Located = Mapping[str, Mapping[str, str]]
"""By input split: uri of each file, and its stamp from before it was digested."""

FILE_INGEST = Cache(ignore=("source", "span", "located", "missing", "wait_seconds", "poll_seconds"))
"""What counts is what was found, not where and how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file as it was found: what identifies its content, but not where it lies.

    Attributes:
        name: Last part of its path.
        size: Bytes.
        sha256: Hex digest of its bytes.
    """

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The files of one span.

    Attributes:
        span: The span, a date where the pattern is dated; 0 if the pattern names none.
        version: The version; 0 if the pattern names none.
        files: Files by input split.
    """

    span: int | date
    version: int
    files: dict[str, list[SourceFile]]

    @property
    def span_number(self) -> int:
        """The span as artifacts bear it: a date is the days since 1970-01-01."""
        return span_of_date(self.span) if isinstance(self.span, date) else self.span


def find_files(parameters: dict[str, Any]) -> dict[str, Any]:
    """Driver of the file-based ingests: from `source` and `span` to files with their digests.

    Args:
        parameters: `source`, `span`, `splits`, `version`, `missing`, `wait_seconds`, `poll_seconds`, as JSON.

    Returns:
        `found` (enters the cache key) and `located`, the files' uris by split and when each was last
        written to (does not).

    Raises:
        PatternError: A pattern cannot be read.
        SpanNotGivenError: A pattern names spans, and none was asked for.
        MissingSpanError: The span has no files (yet); the message lists the nearest that have. With
            `missing="wait"` it says how long the pipeline waits, and who drives does.
        NoSourceFilesError: A pattern without a span matches no file.
    """
    patterns = _patterns(parameters["source"], parameters.get("splits"))
    wanted = _wanted(parameters.get("span"), patterns)
    if parameters.get("missing", "fail") == "wait":
        located, span, version = _locate_or_wait(patterns, wanted, parameters)
    else:
        located, span, version = _locate(patterns, wanted, parameters.get("version"))
    stamped = {split: {uri: _stamp(uri) for uri in uris} for split, uris in located.items()}
    files = {split: [_describe(uri) for uri in uris] for split, uris in located.items()}
    found = asdict(Found(span=span, version=version, files=files))
    if next(iter(patterns.values())).is_dated:  # a miss then reads `found.span: 2013-06-14 -> 2013-06-15`
        found["span"] = date_of_span(span).isoformat()
    return {
        "found": found,
        "located": stamped,
    }


def _patterns(source: str | Mapping[str, str], splits: Any) -> dict[str, Pattern]:
    if isinstance(source, str):
        return {WHOLE: parse_pattern(_absolute(source))}
    require_split_names(source)
    if splits is not None:
        raise SplitError(
            "the source has splits already",
            got=", ".join(source),
            fix="drop splits=, or give one pattern as the source",
        )
    if not source:
        raise SplitError("the source names no split", fix='write source={"train": "...", "eval": "..."}')
    parsed = {split: parse_pattern(_absolute(source[split])) for split in in_order(source)}
    kinds = {split: (p.has_span, p.is_dated, p.has_version) for split, p in parsed.items()}
    if len(set(kinds.values())) > 1:
        raise SplitError(
            "the splits' patterns name spans and versions in different ways",
            got="\n".join(f"{split}: {pattern.text}" for split, pattern in parsed.items()),
            fix="use the same of {SPAN}, {YYYY}-{MM}-{DD} and {VERSION} in each",
        )
    return parsed


def _absolute(pattern: str) -> str:
    import fsspec

    if not pattern.strip():  # to a file system that would be the whole folder
        raise NoSourceFilesError(
            "the source is empty", got=repr(pattern), fix="give a path, a directory or a pattern"
        )
    files, path = fsspec.core.url_to_fs(pattern)
    is_folder = not re.search(r"[*?{[]", path) and files.isdir(path)
    return str(files.unstrip_protocol(f"{path}/*" if is_folder else path))


def _wanted(span: Any, patterns: Mapping[str, Pattern]) -> int | str | None:
    """The span's number, "latest", or None where the patterns name no spans."""
    first = next(iter(patterns.values()))
    if not first.has_span:
        if span not in {None, 0}:
            raise UnexpectedSpanError(
                "a span was asked for, and the source names none",
                got=span,
                at=first.text,
                fix="put {SPAN} or {YYYY}-{MM}-{DD} into the source, or drop span=",
            )
        return None
    if span is None:
        raise SpanNotGivenError(
            "the source names spans, and none was asked for",
            at=first.text,
            fix='pass span=day, or span="latest" for the newest there is when the run starts',
        )
    if isinstance(span, str):
        return span if span == "latest" else span_of_date(date.fromisoformat(span))
    return span_of_date(span) if isinstance(span, date) else int(span)


def _locate(
    patterns: Mapping[str, Pattern], wanted: int | str | None, version: int | None
) -> tuple[dict[str, list[str]], int, int]:
    span = _newest(patterns) if wanted == "latest" else wanted
    located: dict[str, list[str]] = {}
    versions: dict[str, int] = {}
    for split, pattern in patterns.items():
        number = span if isinstance(span, int) else None
        hits = [hit for hit in _hits(pattern, number) if version is None or hit[1] == version]
        if not hits:
            raise _missing(split, pattern, number, version)
        versions[split] = max(hit[1] for hit in hits)
        located[split] = sorted(uri for _, found, uri in hits if found == versions[split])
        _require_one_writing(pattern, located[split])
    if len(set(versions.values())) > 1:
        raise VersionMismatchError(
            f"the splits of span {span} have different newest versions",
            got=", ".join(f"{split}: {number}" for split, number in versions.items()),
            fix="deliver the missing files, or pass version=",
        )
    return located, span if isinstance(span, int) else 0, next(iter(versions.values()))


def _require_one_writing(pattern: Pattern, uris: Sequence[str]) -> None:
    by_writing = {pattern.writing(uri): uri for uri in uris}
    if len(by_writing) > 1:
        raise DoubledSpanError(
            "a span or version is there twice, written in different ways",
            got=", ".join(uri.rpartition("/")[2] for uri in by_writing.values()),
            at=pattern.text,
            fix="remove or rename one, or give the width of its number: {SPAN:2}",
        )


def _hits(pattern: Pattern, span: int | None) -> list[tuple[int, int, str]]:
    """Span, version and uri of each matching file."""
    import fsspec

    files, glob = fsspec.core.url_to_fs(pattern.glob(span=span))
    found = []
    for path, info in files.glob(glob, detail=True).items():
        name = path.rpartition("/")[2]
        uri = str(files.unstrip_protocol(path))
        match = pattern.match(uri)
        hidden = name.startswith((".", "_"))
        if info["type"] != "file" or match is None or hidden or (span is not None and match[0] != span):
            continue
        found.append((*match, uri))
    return found


def _newest(patterns: Mapping[str, Pattern]) -> int:
    newest = [max((hit[0] for hit in _hits(pattern, None)), default=-1) for pattern in patterns.values()]
    if max(newest) < 0:
        pattern = next(iter(patterns.values()))
        raise NoSourceFilesError("no span has files", at=pattern.text, fix="check the source's pattern")
    return max(newest)  # a split that lacks it is then missing, not taken from an older one


def _missing(split: str, pattern: Pattern, span: int | None, version: int | None) -> Exception:
    of_split = "" if split == WHOLE else f" of split {split}"
    if span is None:
        return NoSourceFilesError(
            f"the source{of_split} matches no file", at=pattern.text, fix=_how_to_match(pattern.text)
        )
    there = {hit[0] for hit in _hits(pattern, None)}
    near = sorted(sorted(there - {span}, key=lambda other: abs(other - span))[: 2 * _NEAREST])
    which = _span_text(pattern, span) + ("" if version is None else f", version {version}")
    return MissingSpanError(
        f"there are no files{of_split} for span {which}",
        at=pattern.text,
        nearest=", ".join(_span_text(pattern, other) for other in near) or "no span has files",
        fix='wait for the data with missing="wait", or run for a span that is there',
    )


def _how_to_match(text: str) -> str:
    import fsspec

    files, path = fsspec.core.url_to_fs(text)
    folder = re.split(r"[*?[{]", path)[0].rpartition("/")[0]
    try:
        files.ls(folder, detail=False)
    except PermissionError:
        return f"let this user list {folder}: it may hold what is asked for"
    except OSError:
        pass  # it is not there
    if path.endswith("/*") and files.isdir(path.removesuffix("/*")):
        return "put files into that folder, or name another; names that begin with . or _ do not count"
    if files.isfile(path):  # and was not found by its own name
        written = re.sub(r"[*?[]", r"[\g<0>]", path.rpartition("/")[2])
        return f"*, ? and [ ] are wildcards: write {written} for that file"
    if files.exists(path):
        return "name a plain file: this is a pipe or a device"
    alike = _nearest_name(text)
    return f"check its path; did you mean {alike}?" if alike else "check its path"


def _nearest_name(text: str) -> str | None:
    """The name in the pattern's directory that is most like the one it asks for."""
    import fsspec

    files, path = fsspec.core.url_to_fs(text)
    folder, _, name = path.rpartition("/")
    try:
        there = [found.rstrip("/").rpartition("/")[2] for found in files.ls(folder, detail=False)]
    except (OSError, ValueError):
        return None
    alike = {other.lower(): other for other in there}
    return next((alike[match] for match in difflib.get_close_matches(name.lower(), alike, n=1)), None)


def _span_text(pattern: Pattern, span: int) -> str:
    return date_of_span(span).isoformat() if pattern.is_dated else str(span)


def _locate_or_wait(
    patterns: Mapping[str, Pattern], wanted: int | str | None, parameters: Mapping[str, Any]
) -> tuple[dict[str, list[str]], int, int]:
    """The files, once they are there and no longer written to; else whoever drives is asked to wait."""
    poll_seconds = float(parameters.get("poll_seconds", 10.0))
    try:
        found = _locate(patterns, wanted, parameters.get("version"))
        written = [uri for uris in found[0].values() for uri in uris if _age(uri) < poll_seconds]
    except (MissingSpanError, NoSourceFilesError, VersionMismatchError, FileNotFoundError) as error:
        raise _not_yet(patterns, wanted, parameters, str(getattr(error, "summary", error))) from error
    if written:
        summary = f"{written[0].rpartition('/')[2]} was written to less than {poll_seconds:g} s ago"
        raise _not_yet(patterns, wanted, parameters, summary)
    return found


def _not_yet(
    patterns: Mapping[str, Pattern], wanted: int | str | None, parameters: Mapping[str, Any], summary: str
) -> MissingSpanError:
    span = wanted if isinstance(wanted, int) else None
    wait_seconds = float(parameters.get("wait_seconds", 3600.0))
    return MissingSpanError(
        summary,
        at=", ".join(pattern.text for pattern in patterns.values()),
        waits=f"{wait_seconds:g} s",
        wait_seconds=wait_seconds,
        poll_seconds=float(parameters.get("poll_seconds", 10.0)),
        awaits=tuple(pattern.glob(span=span) for pattern in patterns.values()),
        fix="see why the data is late; once it is there, run again",
    )


def _age(uri: str) -> float:
    """Seconds since a local file was written to; objects elsewhere appear whole."""
    import fsspec

    files, path = fsspec.core.url_to_fs(uri)
    written_at = files.info(path).get("mtime")
    return time.time() - written_at if isinstance(written_at, int | float) else math.inf


def _stamp(uri: str) -> str:
    """What changes whenever a file is written to: times and inode here, etag or generation elsewhere."""
    import fsspec

    files, path = fsspec.core.url_to_fs(uri)
    files.invalidate_cache()
    info = files.info(path)
    return " ".join(f"{name}={info[name]}" for name in _WRITTEN if info.get(name) is not None)


def _describe(uri: str) -> SourceFile:
    import fsspec

    content, size = hashlib.sha256(), 0
    try:
        with fsspec.open(uri, "rb") as file:
            while block := file.read(1 << 20):
                content.update(block)
                size += len(block)
    except OSError as error:
        raise NoSourceFilesError(
            f"the file cannot be read: {error.strerror or error}",
            at=uri,
            fix="check its permissions and its disk",
        ) from error
    return SourceFile(name=uri.rpartition("/")[2], size=size, sha256=content.hexdigest())


def changed_since(found: Found, located: Located) -> str | None:
    """The uri of the first file that no longer holds what the driver digested, if any.

    A stamp is compared first; only a file that was touched in between is digested once more.
    """
    for split, files in found.files.items():
        for file, (uri, stamp) in zip(files, located[split].items(), strict=True):
            if not _holds(uri, stamp, file):
                return uri
    return None


def _holds(uri: str, stamp: str, file: SourceFile) -> bool:
    try:
        return _stamp(uri) == stamp or _describe(uri) == file
    except (FileNotFoundError, NoSourceFilesError):
        return False
