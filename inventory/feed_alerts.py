"""The alert of a feed that fails."""

from inventory.alerts import SYNC_FAILURE, Alert, action


def sync_alert(*, feed: str, message: str, **detail: object) -> Alert:
    """A feed that fails: rows that could not go in, or silence. One alert per feed."""
    mend = action("Look at the rows, mend and send them again", "GET",
                  f"/quarantine?feed={feed}")  # fmt: skip
    return Alert(f"{SYNC_FAILURE}:{feed}", "warning", message,
                 detail={"feed": feed, **detail, "action": mend})  # fmt: skip
