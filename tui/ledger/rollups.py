"""Sums and histograms of requests by day, which SQLite itself keeps up to date whoever writes.

A report over a million requests reads these, some ten thousand rows, instead of the requests. They belong to the
ledger's migrations: what is written here has made the ledgers that people have.
"""

from __future__ import annotations

BUCKET_RATIO = 1.04
"""Each bucket of a histogram begins so much above the last: its middle is within 2 % of whatever is in it."""
LOWEST_BOUND = 0.0001
"""Seconds, or tokens per second, at which bucket 1 begins; bucket 0 holds what is less."""
EVERYTHING = 1
"""The group that all requests are in."""

_COUNTED = (
    "at",
    "asked_kind",
    "asked_name",
    "outcome",
    "model",
    "place",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "first_token_s",
    "tokens_per_second",
)
# In what follows ROW stands for NEW, OLD or the table, and SIGN for + or -.
_DAY = "CAST(strftime('%Y%m%d', ROW.at, 'unixepoch', 'localtime') AS INTEGER)"
_MODEL_NAMES = "'model', coalesce(ROW.model, ''), coalesce(ROW.place, '')"
_TASK_NAMES = "'task', iif(ROW.asked_kind = 'model', '', ROW.asked_name), ROW.asked_kind"
_MODEL = f"(SELECT id FROM request_groups WHERE (kind, name, detail) = ({_MODEL_NAMES}))"  # noqa: S608
_TASK = f"(SELECT id FROM request_groups WHERE (kind, name, detail) = ({_TASK_NAMES}))"  # noqa: S608
_BUCKET = "(SELECT bucket FROM speed_bounds WHERE low <= ROW.{} ORDER BY low DESC LIMIT 1)"
_FIRST, _RATE = _BUCKET.format("first_token_s"), _BUCKET.format("tokens_per_second")

_GROUPS = f"INSERT OR IGNORE INTO request_groups (kind, name, detail) VALUES ({_MODEL_NAMES}), ({_TASK_NAMES})"  # noqa: S608
_SUMS = f"""INSERT INTO request_days
    SELECT groups.id, {_DAY}, SIGN1, SIGN(ROW.outcome = 'finished'),
        SIGNcoalesce(ROW.input_tokens, 0), SIGN(ROW.input_tokens IS NOT NULL),
        SIGNcoalesce(ROW.output_tokens, 0), SIGN(ROW.output_tokens IS NOT NULL),
        SIGNcoalesce(ROW.cost_usd, 0.0), SIGN(ROW.cost_usd IS NOT NULL)
    FROM (SELECT {EVERYTHING} AS id UNION ALL SELECT {_MODEL} UNION ALL SELECT {_TASK}) AS groups
    WHERE true
    ON CONFLICT DO UPDATE SET
        requests = requests + excluded.requests, answered = answered + excluded.answered,
        input_tokens = input_tokens + excluded.input_tokens, input_known = input_known + excluded.input_known,
        output_tokens = output_tokens + excluded.output_tokens, output_known = output_known + excluded.output_known,
        cost_usd = cost_usd + excluded.cost_usd, cost_known = cost_known + excluded.cost_known"""  # noqa: S608
# LIMIT keeps SQLite from working out day, groups and buckets anew for every one of the ten rows.
_SPEEDS = f"""INSERT INTO request_speeds
    SELECT CASE kinds.kind WHEN 'model' THEN one.model WHEN 'task' THEN one.task ELSE {EVERYTHING} END,
        kinds.measure, iif(kinds.month, one.day / 100, one.day), iif(kinds.measure, one.rate, one.first), SIGN1
    FROM (SELECT {_DAY} AS day, {_MODEL} AS model, {_TASK} AS task, {_FIRST} AS first, {_RATE} AS rate LIMIT 1) AS one
        CROSS JOIN speed_kinds AS kinds
    WHERE iif(kinds.measure, one.rate, one.first) IS NOT NULL
    ON CONFLICT DO UPDATE SET requests = requests + excluded.requests"""  # noqa: S608


def _trigger(name: str, event: str, row: str, sign: str) -> str:
    body = "; ".join((_GROUPS, _SUMS, _SPEEDS)).replace("ROW.", f"{row}.").replace("SIGN", sign)
    return f"CREATE TRIGGER {name} AFTER {event} ON requests WHEN {row}.outcome != 'running' BEGIN {body}; END"


_TABLES = (
    # Kind "model": its id, and where it ran. "task": its name, and "task" or "tier"; who named a model asked for none.
    """CREATE TABLE request_groups (
        id INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        detail TEXT NOT NULL,
        UNIQUE (kind, name, detail)
    )""",
    f"INSERT INTO request_groups VALUES ({EVERYTHING}, 'all', '', '')",  # noqa: S608
    """CREATE TABLE request_days (
        group_id INTEGER NOT NULL,
        day INTEGER NOT NULL,
        requests INTEGER NOT NULL,
        answered INTEGER NOT NULL,
        input_tokens INTEGER NOT NULL,
        input_known INTEGER NOT NULL,
        output_tokens INTEGER NOT NULL,
        output_known INTEGER NOT NULL,
        cost_usd REAL NOT NULL,
        cost_known INTEGER NOT NULL,
        PRIMARY KEY (group_id, day)
    ) WITHOUT ROWID""",
    # Not every SQLite has logarithms: the bucket of a speed is looked up.
    "CREATE TABLE speed_bounds (low REAL PRIMARY KEY, bucket INTEGER NOT NULL) WITHOUT ROWID",
    "INSERT INTO speed_bounds VALUES (-1e308, 0)",
    f"""WITH RECURSIVE next (low, bucket) AS
        (SELECT {LOWEST_BOUND}, 1 UNION ALL SELECT low * {BUCKET_RATIO}, bucket + 1 FROM next WHERE low < 100000)
        INSERT INTO speed_bounds SELECT low, bucket FROM next""",  # noqa: S608
    # A span is a day (20261120) or a month (202611). Measure 0 is the time to the first token, 1 tokens per second.
    """CREATE TABLE request_speeds (
        group_id INTEGER NOT NULL,
        measure INTEGER NOT NULL,
        span INTEGER NOT NULL,
        bucket INTEGER NOT NULL,
        requests INTEGER NOT NULL,
        PRIMARY KEY (group_id, measure, span, bucket)
    ) WITHOUT ROWID""",
    # Each of these is a histogram that a request's speed is counted in.
    "CREATE TABLE speed_kinds (kind TEXT NOT NULL, month INTEGER NOT NULL, measure INTEGER NOT NULL)",
    """INSERT INTO speed_kinds VALUES ('all', 0, 0), ('model', 0, 0), ('model', 1, 0), ('task', 0, 0), ('task', 1, 0),
        ('all', 0, 1), ('model', 0, 1), ('model', 1, 1), ('task', 0, 1), ('task', 1, 1)""",
)
_WHAT_IS_THERE = (
    *(
        "INSERT OR IGNORE INTO request_groups (kind, name, detail)"  # noqa: S608
        f" SELECT DISTINCT {names.replace('ROW.', '')} FROM requests WHERE outcome != 'running'"
        for names in (_MODEL_NAMES, _TASK_NAMES)
    ),
    f"""CREATE TEMP TABLE ended AS
        SELECT {_DAY} AS day, {_MODEL} AS model, {_TASK} AS task, {_FIRST} AS first, {_RATE} AS rate,
            outcome, input_tokens, output_tokens, cost_usd
        FROM requests WHERE outcome != 'running'""".replace("ROW.", "requests."),  # noqa: S608
    *(
        f"""INSERT INTO request_days SELECT {group}, day, count(*), sum(outcome = 'finished'),
            total(input_tokens), count(input_tokens), total(output_tokens), count(output_tokens),
            total(cost_usd), count(cost_usd) FROM ended GROUP BY {group}, day"""  # noqa: S608
        for group in ("model", "task")
    ),
    f"""INSERT INTO request_days SELECT {EVERYTHING}, day, sum(requests), sum(answered), sum(input_tokens),
        sum(input_known), sum(output_tokens), sum(output_known), sum(cost_usd), sum(cost_known)
        FROM request_days JOIN request_groups ON id = group_id WHERE kind = 'model' GROUP BY day""",  # noqa: S608
    *(
        f"""INSERT INTO request_speeds SELECT {group}, {measure}, day, {bucket}, count(*) FROM ended
            WHERE {bucket} IS NOT NULL GROUP BY {group}, day, {bucket}"""  # noqa: S608
        for measure, bucket in enumerate(("first", "rate"))
        for group in ("model", "task")
    ),
    "DROP TABLE ended",
    f"""INSERT INTO request_speeds SELECT {EVERYTHING}, measure, span, bucket, sum(requests)
        FROM request_speeds JOIN request_groups ON id = group_id WHERE kind = 'model'
        GROUP BY measure, span, bucket""",  # noqa: S608
    f"""INSERT INTO request_speeds SELECT group_id, measure, span / 100, bucket, sum(requests)
        FROM request_speeds WHERE group_id != {EVERYTHING} GROUP BY group_id, measure, span / 100, bucket""",  # noqa: S608
)
_TRIGGERS = (
    _trigger("requests_inserted", "INSERT", "NEW", "+"),
    _trigger("requests_before_update", f"UPDATE OF {', '.join(_COUNTED)}", "OLD", "-"),
    _trigger("requests_after_update", f"UPDATE OF {', '.join(_COUNTED)}", "NEW", "+"),
    _trigger("requests_deleted", "DELETE", "OLD", "-"),
)
_INDEXES = (
    # The last answers of one model, which tell how fast it is now.
    "CREATE INDEX requests_with_rate ON requests (model) WHERE tokens_per_second IS NOT NULL",
    "CREATE INDEX requests_with_load ON requests (model) WHERE load_s >= 0.5",
    "CREATE INDEX attempts_of_request ON attempts (request)",
)

ROLLUPS: tuple[str, ...] = (*_TABLES, *_WHAT_IS_THERE, *_TRIGGERS, *_INDEXES)
"""9 µs for each request that there is, measured with a million."""
