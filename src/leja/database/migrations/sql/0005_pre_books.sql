-- The books. Entries and lines are append-only; the guards stand in the file after this one.

-- One row per organisation: whoever writes its books locks it first, so there is one writer.
CREATE TABLE head (
    org_id         uuid PRIMARY KEY REFERENCES org,
    entry_number   bigint NOT NULL DEFAULT 0,   -- the last one given
    chain_position bigint NOT NULL DEFAULT 0,
    chain_hash     bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex')
);

CREATE TABLE period (
    org_id uuid NOT NULL REFERENCES org,
    period text NOT NULL CHECK (period ~ '^\d{4}-(0[1-9]|1[0-2])$'),
    state  text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'locked')),
    PRIMARY KEY (org_id, period)
);

-- append-only: every lock and reopening, by whom and why
CREATE TABLE period_change (
    org_id   uuid NOT NULL,
    period   text NOT NULL,
    ordinal  integer NOT NULL,
    state    text NOT NULL CHECK (state IN ('open', 'locked')),
    reason   text NOT NULL,
    made_by  text NOT NULL,
    at       timestamptz NOT NULL,
    PRIMARY KEY (org_id, period, ordinal),
    FOREIGN KEY (org_id, period) REFERENCES period
);

CREATE TABLE entry (
    org_id       uuid NOT NULL,
    number       bigint NOT NULL,               -- gap-free per organisation
    document_id  uuid NOT NULL,
    revision     integer NOT NULL,
    ordinal      integer NOT NULL,
    label        text NOT NULL,
    posting_date date NOT NULL,
    period       text NOT NULL,                 -- of posting_date
    business_day date NOT NULL,
    text         text NOT NULL DEFAULT '',
    reverses     bigint,
    recorded_at  timestamptz NOT NULL,
    digest       bytea NOT NULL,                -- SHA-256 over the stored bytes of the entry and its lines
    PRIMARY KEY (org_id, number),
    UNIQUE (org_id, document_id, revision, ordinal),
    FOREIGN KEY (org_id, document_id, revision) REFERENCES document_revision
    -- the period is checked by the trigger entry_added
);
CREATE INDEX entry_date ON entry (org_id, posting_date);

CREATE TABLE line (
    org_id        uuid NOT NULL,
    entry_number  bigint NOT NULL,
    line_number   integer NOT NULL,
    account       text NOT NULL,
    role          text NOT NULL,
    amount        bigint NOT NULL,              -- minor units, debit positive
    currency      text NOT NULL,
    base          bigint NOT NULL,
    rate          numeric NOT NULL,
    location      text NOT NULL DEFAULT '',
    channel       text NOT NULL DEFAULT '',
    tax_code      text NOT NULL DEFAULT '',
    tax_point     date,
    return_period text NOT NULL DEFAULT '',
    memo          text NOT NULL DEFAULT '',
    PRIMARY KEY (org_id, entry_number, line_number)
    -- entry and account are checked by the trigger line_added, for a whole batch at once: half as fast again
);

-- Derived; rebuilt and compared by `leja check --rebuild`.
CREATE TABLE balance_day (
    org_id   uuid NOT NULL,
    account  text NOT NULL,
    currency text NOT NULL,
    location text NOT NULL,
    channel  text NOT NULL,
    tax_code text NOT NULL,
    day      date NOT NULL,
    debit    numeric NOT NULL,
    credit   numeric NOT NULL,
    base     numeric NOT NULL,
    lines    bigint NOT NULL,
    PRIMARY KEY (org_id, day, account, currency, location, channel, tax_code)
) WITH (fillfactor = 70);

CREATE TABLE balance_month (
    org_id   uuid NOT NULL,
    account  text NOT NULL,
    currency text NOT NULL,
    location text NOT NULL,
    channel  text NOT NULL,
    tax_code text NOT NULL,
    month    date NOT NULL,                     -- its first day
    debit    numeric NOT NULL,
    credit   numeric NOT NULL,
    base     numeric NOT NULL,
    lines    bigint NOT NULL,
    PRIMARY KEY (org_id, month, account, currency, location, channel, tax_code)
) WITH (fillfactor = 70);

-- append-only: hash = SHA-256(hex(hash before), newline, canonical JSON of the rest), see docs/decisions/0003-chain.md
CREATE TABLE chain (
    org_id   uuid NOT NULL,                     -- of a head, checked by the trigger chain_added
    position bigint NOT NULL,
    kind     text NOT NULL,                     -- event, revision, entry, attempt, outcome, mapping, period
    subject  text COLLATE "C" NOT NULL,
    digest   bytea NOT NULL,
    hash     bytea NOT NULL,
    PRIMARY KEY (org_id, position)
);

-- append-only: signed heads
CREATE TABLE anchor (
    org_id     uuid NOT NULL REFERENCES org,
    position   bigint NOT NULL,
    hash       bytea NOT NULL,
    signed_at  timestamptz NOT NULL,
    key_id     text NOT NULL,
    signature  bytea NOT NULL,
    PRIMARY KEY (org_id, position, signed_at)
);
