"""Which code made something: commits, what differed from them, files, environments, versions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline_lib.metadata.records import StoredExecution
from pipeline_lib.metadata.store import Store

_MOST_DIFFS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DirtyDiff:
    """What a working copy had that its commit had not.

    Attributes:
        digest: sha256 of the whole diff, hex.
        text: Of `git diff`, first-party files only; cut where it was too long; None if it was not kept.
    """

    commit: str
    digest: str
    text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What code made the model.

    Attributes:
        commits: Git commit to whether files differed from it; of every execution that took part.
        files: sha256 of each first-party file, by path; where two executions saw two versions of a file,
            the later one has the execution's id appended.
        environments: Digests of the environments.
        distributions: Versions that the executed code imports; several, if they differed, joined by ", ".
        diffs: Of the commits with changes, by commit and digest; at most 20.
    """

    commits: Mapping[str, bool]
    files: Mapping[str, str]
    environments: tuple[str, ...]
    distributions: Mapping[str, str]
    diffs: tuple[DirtyDiff, ...] = field(default=())


def code_of(store: Store, executions: Sequence[StoredExecution]) -> Code:
    """The code of several executions, oldest first; one store call if any of them ran changed files."""
    commits: dict[str, bool] = {}
    files: dict[str, str] = {}
    environments: set[str] = set()
    versions: dict[str, set[str]] = {}
    for execution in executions:
        if commit := execution.facts.get("git_commit"):
            commits[commit] = commits.get(commit, False) or bool(execution.facts.get("git_dirty"))
        if environment := execution.facts.get("environment_digest"):
            environments.add(environment)
        parts = execution.facts.get("cache_parts") or {}
        for path, sha256 in (parts.get("files") or {}).items():
            changed = files.setdefault(path, sha256) != sha256
            if changed:
                files[f"{path} (execution {execution.id})"] = sha256
        for name, version in (parts.get("distributions") or {}).items():
            versions.setdefault(name, set()).add(version)
    return Code(
        commits=dict(sorted(commits.items())),
        files=dict(sorted(files.items())),
        environments=tuple(sorted(environments)),
        distributions={name: ", ".join(sorted(versions[name])) for name in sorted(versions)},
        diffs=_diffs(store, executions),
    )


def _diffs(store: Store, executions: Sequence[StoredExecution]) -> tuple[DirtyDiff, ...]:
    told = sorted(
        {
            (str(execution.facts.get("git_commit", "")), str(execution.facts["git_diff_digest"]))
            for execution in executions
            if execution.facts.get("git_diff_digest")
        }
    )[:_MOST_DIFFS]
    texts = store.kept_texts([digest for _, digest in told]) if told else {}
    return tuple(DirtyDiff(commit=commit, digest=digest, text=texts.get(digest)) for commit, digest in told)
