"""The shop of one seed: names of its own in a database that thousands of seeds share."""

from datetime import UTC, datetime

START = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Shop:
    """A and B, the bundle C = 1 A + 2 B, and D; a warehouse W and two stores, S and T."""

    def __init__(self, name):
        self.name = name
        self.a, self.b, self.c, self.d = (f"{name}-{sku}" for sku in "ABCD")
        self.loose = (self.a, self.b, self.d)
        self.p = f"{name}-P"
        """Sold ahead of its launch, and never there."""
        self.late = f"{name}-L"
        """Comes into the catalogue late: until then its rows wait in quarantine."""
        self.locations = tuple(f"{name}-{at}" for at in "WST")
        w, s, t = self.locations
        self.groups = {f"{name}-near": (w, s), f"{name}-far": (s, t)}
        self.places = (*self.locations, *self.groups)

    def parts(self, sku):
        return {self.a: 1, self.b: 2} if sku == self.c else {sku: 1}

    def members(self, group):
        return self.groups[group]

    def lag(self, location):
        """Days from the dock to the shelf: one at T."""
        return int(location.endswith("-T"))

    def approves(self, location):
        """Whether what arrives there waits for approval: at S."""
        return location.endswith("-S")

    def member_method(self, location, method):
        """A parcel from a store is shipped from store, whatever the customer was told."""
        if method in ("ship", "sfs"):
            return "ship" if location.endswith("-W") else "sfs"
        return method

    def build(self, db):
        kinds = ["warehouse", "store", "store"]
        names = {
            "skus": [self.a, self.b, self.c, self.d, self.p],
            "places": list(self.locations),
            "kinds": kinds,
            "approve": [self.approves(at) for at in self.locations],
            "lags": [self.lag(at) for at in self.locations],
            "groups": list(self.groups),
            "of": [g for g, members in self.groups.items() for _ in members],
            "members": [at for members in self.groups.values() for at in members],
            "c": self.c, "a": self.a, "b": self.b,
        }  # fmt: skip
        with db.transaction(), db.pipeline():
            for statement in _BUILD:
                db.execute(statement, names)


_BUILD = (
    "insert into skus (sku, name) select k, k from unnest(%(skus)s::text[]) k",
    """insert into locations (location, name, type, put_away_lag_days, receipt_approval)
        select place, place, kind, lag, approve
        from unnest(%(places)s::text[], %(kinds)s::text[], %(lags)s::int[], %(approve)s::bool[])
            k (place, kind, lag, approve)""",
    "insert into groups (group_id, name) select k, k from unnest(%(groups)s::text[]) k",
    "insert into group_members select * from unnest(%(of)s::text[], %(members)s::text[])",
    "insert into bundles values (%(c)s, %(a)s, 1), (%(c)s, %(b)s, 2)",
    """insert into channels (channel, name, soft_ttl_seconds, oversell_units)
        values ('web', 'web', 900, 0), ('flash', 'flash', 60, 2),
            ('outlet', 'outlet', 900, 0) on conflict do nothing""",
)
