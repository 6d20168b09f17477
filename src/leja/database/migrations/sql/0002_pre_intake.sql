-- What arrived, once. `event` is append-only; its body can be erased and the chain still verifies.

CREATE TABLE event (
    org_id        uuid NOT NULL,
    event_id      uuid NOT NULL,
    connection_id uuid NOT NULL,
    event_key     text COLLATE "C" NOT NULL,
    topic         text NOT NULL,
    origin        text NOT NULL CHECK (origin IN ('webhook', 'poll', 'backfill', 'file', 'fetch')),
    parent        text COLLATE "C" NOT NULL DEFAULT '',
    headers       text NOT NULL DEFAULT '{}',   -- canonical JSON, secrets removed
    digest        bytea NOT NULL,               -- SHA-256(salt || body)
    received_at   timestamptz NOT NULL,
    PRIMARY KEY (org_id, event_id),
    FOREIGN KEY (org_id, connection_id) REFERENCES connection
);
CREATE UNIQUE INDEX event_key ON event (org_id, connection_id, event_key);

-- Erasable: salt and body go together, so that a low-entropy body cannot be guessed from its digest afterwards.
CREATE TABLE event_body (
    org_id    uuid NOT NULL,
    event_id  uuid NOT NULL,
    salt      bytea,
    body      bytea,
    erased_at timestamptz,
    PRIMARY KEY (org_id, event_id),
    FOREIGN KEY (org_id, event_id) REFERENCES event
);

-- Where an event stands. `seq` is the order of arrival. `waits_for` names what will release it:
-- "document/<connection>/<kind>/<external id>", "role/<role>", "rate/<currency>", "fetch/<kind>/<id>" or "" (a person).
CREATE TABLE event_state (
    org_id        uuid NOT NULL,
    event_id      uuid NOT NULL,
    seq           bigint GENERATED ALWAYS AS IDENTITY,
    connection_id uuid NOT NULL,
    state         text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'done', 'ignored', 'observed', 'waiting', 'parked')),
    because       text NOT NULL DEFAULT '',
    waits_for     text COLLATE "C" NOT NULL DEFAULT '',
    chained       boolean NOT NULL DEFAULT false, -- its digest stands in the chain
    at            timestamptz NOT NULL,
    PRIMARY KEY (org_id, event_id),
    FOREIGN KEY (org_id, event_id) REFERENCES event
) WITH (fillfactor = 70);
CREATE INDEX event_state_new ON event_state (org_id, seq) WHERE state = 'new';
CREATE INDEX event_state_waiting ON event_state (org_id, waits_for) WHERE state IN ('waiting', 'parked');

-- Things that must be fetched before they can be decided on.
CREATE TABLE wanted (
    org_id        uuid NOT NULL,
    connection_id uuid NOT NULL,
    kind          text NOT NULL,
    external_id   text COLLATE "C" NOT NULL,
    event_id      uuid,
    wanted_at     timestamptz NOT NULL,
    tries         integer NOT NULL DEFAULT 0,
    not_before    timestamptz NOT NULL,
    PRIMARY KEY (org_id, connection_id, kind, external_id),
    FOREIGN KEY (org_id, connection_id) REFERENCES connection
);

-- Webhooks that mix several merchants are verified once, kept, and fanned out. No org: it is not known yet.
CREATE TABLE envelope (
    envelope_id uuid PRIMARY KEY,
    slug        text NOT NULL,
    headers     text NOT NULL,
    body        bytea NOT NULL,
    received_at timestamptz NOT NULL
);

-- Counted, never kept: requests that failed verification.
CREATE TABLE refused_request (
    org_id        uuid NOT NULL,
    connection_id uuid NOT NULL,
    day           date NOT NULL,
    code          text NOT NULL,
    count         bigint NOT NULL,
    PRIMARY KEY (org_id, connection_id, day, code),
    FOREIGN KEY (org_id, connection_id) REFERENCES connection
);

CREATE TABLE unread_field (
    org_id        uuid NOT NULL,
    connection_id uuid NOT NULL,
    field         text NOT NULL,
    first_event   uuid NOT NULL,
    first_at      timestamptz NOT NULL,
    PRIMARY KEY (org_id, connection_id, field),
    FOREIGN KEY (org_id, connection_id) REFERENCES connection
);

CREATE TABLE stream_cursor (
    org_id        uuid NOT NULL,
    connection_id uuid NOT NULL,
    stream        text NOT NULL,                -- "poll", "changed", "backfill/<run>"
    cursor        text NOT NULL,
    saved_at      timestamptz NOT NULL,
    PRIMARY KEY (org_id, connection_id, stream),
    FOREIGN KEY (org_id, connection_id) REFERENCES connection
);

CREATE TABLE backfill_run (
    org_id         uuid NOT NULL,
    run_id         uuid NOT NULL,
    connection_id  uuid NOT NULL,
    since          timestamptz NOT NULL,
    until          timestamptz NOT NULL,
    planned_events bigint NOT NULL,
    planned_calls  bigint NOT NULL,
    events         bigint NOT NULL DEFAULT 0,
    calls          bigint NOT NULL DEFAULT 0,
    cursor         text NOT NULL DEFAULT '',
    started_at     timestamptz NOT NULL,
    finished_at    timestamptz,
    because        text NOT NULL DEFAULT '',
    PRIMARY KEY (org_id, run_id),
    FOREIGN KEY (org_id, connection_id) REFERENCES connection
);

CREATE TABLE file_import (
    org_id        uuid NOT NULL,
    connection_id uuid NOT NULL,
    file_hash     bytea NOT NULL,
    name          text NOT NULL,
    shape         jsonb NOT NULL DEFAULT '{}',
    rows_read     bigint NOT NULL DEFAULT 0,
    rows_new      bigint NOT NULL DEFAULT 0,
    started_at    timestamptz NOT NULL,
    finished_at   timestamptz,
    PRIMARY KEY (org_id, connection_id, file_hash),
    FOREIGN KEY (org_id, connection_id) REFERENCES connection
);
