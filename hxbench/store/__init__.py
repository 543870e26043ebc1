"""The results store: what was run, by whom, and what came out, as plain files (see `folder.Store`)."""

from hxbench.store.claim import RunBusy
from hxbench.store.folder import Store
from hxbench.store.record import DamagedRun, RunRecord
from hxbench.store.writer import RunWriter

__all__ = ["DamagedRun", "RunBusy", "RunRecord", "RunWriter", "Store"]
