"""A data set of the hub as a folder of this machine: fetched to where the command is typed, and then like any other."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from midb.corpus.formats.gathering import ENDINGS, PACKED
from midb.domain.errors import UsageError

#: A Path has one slash where an address has two.
_ADDRESS = re.compile(r"hf:/+datasets/([\w.-]+/[\w.-]+)(?:@([\w.-]+))?(?:/(.+))?")


@dataclass(frozen=True)
class HubAddress:
    """``hf://datasets/OWNER/NAME``, with a revision (``@v1``) and a path within it, if they are given."""

    name: str
    revision: str | None
    inside: str

    @classmethod
    def parse(cls, path: Path) -> HubAddress | None:
        """Read an address; None for any other path.

        >>> HubAddress.parse(Path("hf://datasets/owner/name@v1/data/train.jsonl"))
        HubAddress(name='owner/name', revision='v1', inside='data/train.jsonl')
        """
        match = _ADDRESS.fullmatch(str(path))
        return cls(match[1], match[2], match[3] or "") if match else None

    @property
    def folder(self) -> Path:
        """Where it is fetched to."""
        own = self.name.rpartition("/")[2]
        return Path(f"{own}-{self.revision}" if self.revision else own)


def fetch(address: HubAddress, download: Callable[..., str] | None = None) -> Path:
    """Fetch the corpus files of a data set, and return the path that holds them. What is there already is not fetched
    again; without a network that is all.

    :param download: instead of ``huggingface_hub.snapshot_download``, for tests.
    :raises UsageError: without huggingface_hub, and with one sentence for whatever the hub says.
    """
    try:
        from huggingface_hub import errors, snapshot_download
    except ImportError:
        raise UsageError(
            "a data set of the hub is fetched by huggingface_hub, which the base install leaves out.",
            hint="pip install '.[hub]' in the folder of midb-agent's source.",
        ) from None
    folder, path = address.folder, address.folder / address.inside
    if folder.exists() and not (folder / ".cache" / "huggingface").is_dir():
        raise UsageError(
            f"{folder} exists and was not fetched from the hub.",
            hint=f"Name it as the corpus (midb-agent run {folder}), or type the command in another folder.",
        )
    wanted = [f"*{ending}{packed}" for ending in ENDINGS for packed in ("", *PACKED)]
    try:
        (download or snapshot_download)(
            address.name,
            repo_type="dataset",
            revision=address.revision,
            allow_patterns=[address.inside, f"{address.inside.rstrip('/')}/*"] if address.inside else wanted,
            local_dir=folder,
        )
    except errors.GatedRepoError as error:
        raise UsageError(
            f"{address.name} is gated: the hub gives it only to those who accepted its terms.",
            hint="Accept them on its page, then set HF_TOKEN or log in with `hf auth login`.",
        ) from error
    except errors.RevisionNotFoundError as error:
        raise UsageError(f"{address.name} has no revision {address.revision}.", hint="Its page lists them.") from error
    except errors.RepositoryNotFoundError as error:
        raise UsageError(
            f"there is no data set {address.name} on the hub.",
            hint="Is it spelled as on its page? A private one needs HF_TOKEN.",
        ) from error
    except Exception as error:  # its client's libraries have errors of their own
        if path.exists() and _is_unreachable(error):
            return path
        if not isinstance(error, OSError) and type(error).__module__.partition(".")[0] not in _LIBRARIES:
            raise
        said = (str(error).strip().partition("\n")[0] or type(error).__name__).rstrip(".:")
        raise UsageError(
            f"{address.name} cannot be fetched: {said}.",
            hint=f"Where there is a network: hf download {address.name} --repo-type dataset --local-dir {folder}; "
            "then bring the folder here, and name it.",
        ) from error
    if not path.exists():
        raise UsageError(
            f"{address.name} holds no {address.inside or 'file that is a corpus'}.", hint="Its page lists its files."
        )
    return path


#: Whose errors are told in one sentence.
_LIBRARIES = ("httpx", "httpcore", "hf_xet", "huggingface_hub", "requests")


def _is_unreachable(error: Exception) -> bool:
    """Whether it is the network that is missing, and not the data set."""
    names = {cls.__name__ for cls in type(error).__mro__}
    return bool(
        names & {"LocalEntryNotFoundError", "OfflineModeIsEnabled", "ConnectError", "ConnectionError", "ConnectTimeout"}
    )
