-- What each target is told, once.

-- One row per entry and target that is not yet part of an attempt. Written with the entry, in its transaction.
CREATE TABLE outbox (
    org_id        uuid NOT NULL,
    connection_id uuid NOT NULL,                -- the target
    entry_number  bigint NOT NULL,
    group_key     text COLLATE "C" NOT NULL,    -- "document/<id>", "daily/<day>/<location>/<channel>/<currency>"
    family        text COLLATE "C" NOT NULL,    -- order is kept inside it
    lane          text NOT NULL CHECK (lane IN ('live', 'backfill')),
    due_at        timestamptz NOT NULL,
    held          text NOT NULL DEFAULT '',     -- why planning could not go on; what releases it stands in waits_for
    waits_for     text COLLATE "C" NOT NULL DEFAULT '',
    PRIMARY KEY (org_id, connection_id, entry_number),
    FOREIGN KEY (org_id, connection_id) REFERENCES connection,
    FOREIGN KEY (org_id, entry_number) REFERENCES entry
);
CREATE INDEX outbox_due ON outbox (org_id, connection_id, held, lane, due_at, entry_number);
CREATE INDEX outbox_group ON outbox (org_id, connection_id, group_key);
CREATE INDEX outbox_waits ON outbox (org_id, waits_for) WHERE held <> '';
CREATE INDEX outbox_family ON outbox (org_id, connection_id, family) WHERE held <> '';

-- A bundle of entries that one target is told as one thing.
CREATE TABLE deliverable (
    org_id         uuid NOT NULL,
    deliverable_id uuid NOT NULL,
    connection_id  uuid NOT NULL,
    group_key      text COLLATE "C" NOT NULL,
    part           integer NOT NULL,            -- the first, and each that came later, of a group
    kind           text NOT NULL,
    reference      text COLLATE "C" NOT NULL,
    family         text COLLATE "C" NOT NULL,
    lane           text NOT NULL,
    date           date NOT NULL,
    bundle         text NOT NULL,               -- the resolved bundle as canonical JSON, personal data taken out
    plan           integer NOT NULL DEFAULT 1,  -- made anew only after a clear refusal or proven absence
    in_base        boolean NOT NULL DEFAULT false, -- told in base currency: its target has no other, or its entries mix
    state          text NOT NULL CHECK (state IN ('open', 'done', 'parked', 'withdrawn')),
    because        text NOT NULL DEFAULT '',
    waits_for      text COLLATE "C" NOT NULL DEFAULT '',
    not_before     timestamptz NOT NULL,
    created_at     timestamptz NOT NULL,
    PRIMARY KEY (org_id, deliverable_id),
    UNIQUE (org_id, connection_id, group_key, part),
    UNIQUE (org_id, connection_id, reference),
    FOREIGN KEY (org_id, connection_id) REFERENCES connection
);
CREATE INDEX deliverable_open ON deliverable (org_id, connection_id, lane, not_before) WHERE state = 'open';
CREATE INDEX deliverable_family ON deliverable (org_id, connection_id, family) WHERE state IN ('open', 'parked');
CREATE INDEX deliverable_waits ON deliverable (org_id, waits_for) WHERE state = 'parked';

-- append-only: an entry is told to a target once, whatever the mode was or becomes.
CREATE TABLE deliverable_member (
    org_id         uuid NOT NULL,
    connection_id  uuid NOT NULL,
    entry_number   bigint NOT NULL,
    deliverable_id uuid NOT NULL,
    PRIMARY KEY (org_id, connection_id, entry_number),
    FOREIGN KEY (org_id, deliverable_id) REFERENCES deliverable,
    FOREIGN KEY (org_id, entry_number) REFERENCES entry
);
CREATE INDEX deliverable_member_of ON deliverable_member (org_id, deliverable_id);

-- append-only: what was going to be sent, committed before the call.
CREATE TABLE attempt (
    org_id         uuid NOT NULL,
    attempt_id     uuid NOT NULL,
    connection_id  uuid NOT NULL,
    deliverable_id uuid NOT NULL,
    step           text NOT NULL,
    plan           integer NOT NULL,
    send           integer NOT NULL,            -- the same bytes may be sent again under the same plan
    reference      text COLLATE "C" NOT NULL,
    draft          text NOT NULL,               -- canonical JSON of the draft, body and texts taken out
    body_digest    bytea NOT NULL,              -- SHA-256(salt || draft), see frozen_draft
    epoch          bigint NOT NULL,
    attempted_at   timestamptz NOT NULL,
    deadline       timestamptz NOT NULL,
    PRIMARY KEY (org_id, attempt_id),
    UNIQUE (org_id, deliverable_id, step, plan, send),
    FOREIGN KEY (org_id, deliverable_id) REFERENCES deliverable
);

CREATE INDEX attempt_of ON attempt (org_id, deliverable_id, attempted_at);

-- The exact request of a plan's step, frozen before its first attempt. It may name a customer, so it is erasable, and
-- attempts hold its salted digest.
CREATE TABLE frozen_draft (
    org_id         uuid NOT NULL,
    deliverable_id uuid NOT NULL,
    step           text NOT NULL,
    plan           integer NOT NULL,
    salt           bytea,
    draft          text,                        -- canonical JSON of the draft, body in base64
    erased_at      timestamptz,
    PRIMARY KEY (org_id, deliverable_id, step, plan),
    FOREIGN KEY (org_id, deliverable_id) REFERENCES deliverable
);

-- append-only. An attempt without an outcome is unclear.
CREATE TABLE outcome (
    org_id     uuid NOT NULL,
    attempt_id uuid NOT NULL,
    ordinal    integer NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('accepted', 'rejected', 'unknown', 'already_there', 'later', 'found', 'absent', 'ambiguous')),
    detail     text NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (org_id, attempt_id, ordinal),
    FOREIGN KEY (org_id, attempt_id) REFERENCES attempt
);

CREATE TABLE remote_document (
    org_id         uuid NOT NULL,
    connection_id  uuid NOT NULL,
    deliverable_id uuid NOT NULL,
    step           text NOT NULL,
    kind           text NOT NULL,
    remote_id      text COLLATE "C" NOT NULL,
    reference      text COLLATE "C" NOT NULL,
    version        text NOT NULL DEFAULT '',
    number         text NOT NULL DEFAULT '',
    total          bigint,
    currency       text NOT NULL,
    date           date NOT NULL,
    moves          jsonb NOT NULL,              -- remote account -> minor units, debit positive, as drafted
    residual       bigint NOT NULL DEFAULT 0,
    recorded_at    timestamptz NOT NULL,
    PRIMARY KEY (org_id, deliverable_id, step),
    FOREIGN KEY (org_id, deliverable_id) REFERENCES deliverable
);
CREATE INDEX remote_document_id ON remote_document (org_id, connection_id, kind, remote_id);
CREATE INDEX remote_document_date ON remote_document (org_id, connection_id, date);
CREATE INDEX remote_document_reference ON remote_document (org_id, connection_id, reference);

-- The last state of every remote document that we read back, ours and others'.
CREATE TABLE remote_state (
    org_id        uuid NOT NULL,
    connection_id uuid NOT NULL,
    kind          text NOT NULL,
    remote_id     text COLLATE "C" NOT NULL,
    reference     text COLLATE "C" NOT NULL DEFAULT '',
    foreign_entry boolean NOT NULL,
    state         text NOT NULL,
    date          date,
    version       text NOT NULL DEFAULT '',
    number        text NOT NULL DEFAULT '',
    total         bigint,
    currency      text NOT NULL DEFAULT '',
    lines         jsonb NOT NULL,               -- [{"account", "amount": {"minor", "currency"}}], debit positive
    read_at       timestamptz NOT NULL,
    PRIMARY KEY (org_id, connection_id, kind, remote_id),
    FOREIGN KEY (org_id, connection_id) REFERENCES connection
);
CREATE INDEX remote_state_group ON remote_state (org_id, connection_id, "left"(reference, 14)) WHERE reference <> '';
CREATE INDEX remote_state_date ON remote_state (org_id, connection_id, date);

CREATE TABLE remote_chart (
    org_id        uuid NOT NULL,
    connection_id uuid NOT NULL,
    chart         text NOT NULL,
    read_at       timestamptz NOT NULL,
    PRIMARY KEY (org_id, connection_id),
    FOREIGN KEY (org_id, connection_id) REFERENCES connection
);
