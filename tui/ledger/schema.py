"""The ledger's tables, version by version."""

from __future__ import annotations

from tui.ledger.rollups import ROLLUPS

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE requests (
            id INTEGER PRIMARY KEY,
            at REAL NOT NULL,
            face TEXT NOT NULL,
            asked_kind TEXT NOT NULL,
            asked_name TEXT NOT NULL,
            external INTEGER NOT NULL,
            private INTEGER NOT NULL,
            plan TEXT NOT NULL,
            prompt_sha256 TEXT NOT NULL,
            prompt_length INTEGER NOT NULL,
            outcome TEXT NOT NULL,
            ended_at REAL,
            model TEXT,
            place TEXT,
            served_by TEXT,
            input_tokens INTEGER,
            output_tokens INTEGER,
            cost_usd REAL,
            load_s REAL,
            first_token_s REAL,
            total_s REAL,
            tokens_per_second REAL,
            error TEXT,
            prompt TEXT,
            answer TEXT
        )""",
        "CREATE INDEX requests_at ON requests (at)",
        """CREATE TABLE attempts (
            id INTEGER PRIMARY KEY,
            request INTEGER NOT NULL REFERENCES requests (id) ON DELETE CASCADE,
            at REAL NOT NULL,
            model TEXT NOT NULL,
            place TEXT NOT NULL,
            outcome TEXT NOT NULL,
            reason TEXT NOT NULL DEFAULT '',
            refused_until REAL,
            cost_usd REAL
        )""",
        "CREATE INDEX attempts_at ON attempts (at)",
        "CREATE INDEX attempts_refused ON attempts (refused_until) WHERE refused_until IS NOT NULL",
        """CREATE TABLE actions (
            id INTEGER PRIMARY KEY,
            at REAL NOT NULL,
            face TEXT NOT NULL,
            name TEXT NOT NULL,
            target TEXT NOT NULL,
            machine TEXT,
            worked INTEGER NOT NULL,
            detail TEXT NOT NULL
        )""",
        "CREATE INDEX actions_at ON actions (at)",
    ),
    (
        "ALTER TABLE requests ADD COLUMN system TEXT",
        # A number is never given again: who has a conversation open must not go on in another one.
        """CREATE TABLE conversations (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            begun_at REAL NOT NULL,
            changed_at REAL NOT NULL,
            title TEXT NOT NULL DEFAULT '',
            branch_of INTEGER REFERENCES conversations (id) ON DELETE SET NULL
        )""",
        "CREATE INDEX conversations_changed_at ON conversations (changed_at)",
        """CREATE TABLE turns (
            conversation INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
            place INTEGER NOT NULL,
            request INTEGER NOT NULL REFERENCES requests (id) ON DELETE CASCADE,
            PRIMARY KEY (conversation, place)
        ) WITHOUT ROWID""",
        "CREATE INDEX turns_request ON turns (request)",
        # Prompts of a conversation that got no answer: no part of it, but their text goes when it goes.
        """CREATE TABLE tries (
            request INTEGER PRIMARY KEY REFERENCES requests (id) ON DELETE CASCADE,
            conversation INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE
        )""",
        "CREATE INDEX tries_conversation ON tries (conversation)",
        "CREATE INDEX conversations_branch_of ON conversations (branch_of) WHERE branch_of IS NOT NULL",
    ),
    (
        """CREATE TABLE votes (
            id INTEGER PRIMARY KEY,
            at REAL NOT NULL,
            face TEXT NOT NULL,
            task TEXT NOT NULL
        )""",
        """CREATE TABLE entrants (
            id INTEGER PRIMARY KEY,
            vote INTEGER NOT NULL REFERENCES votes (id) ON DELETE CASCADE,
            model TEXT NOT NULL,
            won INTEGER NOT NULL,
            tokens_per_second REAL,
            first_token_s REAL,
            total_s REAL
        )""",
        "CREATE INDEX entrants_vote ON entrants (vote)",
    ),
    (
        """CREATE TABLE probes (
            model TEXT PRIMARY KEY,
            at REAL NOT NULL,
            calls_tools INTEGER NOT NULL,
            tools_words TEXT NOT NULL,
            writes_code INTEGER NOT NULL,
            code_words TEXT NOT NULL
        ) WITHOUT ROWID""",
    ),
    # What something was before it was done and what it is afterwards, in words; NULL where nobody looked.
    (
        "ALTER TABLE actions ADD COLUMN before TEXT",
        "ALTER TABLE actions ADD COLUMN after TEXT",
        *ROLLUPS,
    ),
)
"""Each brings a ledger from the version that is its place here to the next; ``PRAGMA user_version`` is the version."""
