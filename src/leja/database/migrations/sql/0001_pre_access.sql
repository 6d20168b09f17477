-- Organisations, who may act, and what is connected. Every key starts with org_id.

CREATE TABLE org (
    org_id            uuid PRIMARY KEY,
    name              text NOT NULL UNIQUE,
    base_currency     text NOT NULL,
    country           text NOT NULL DEFAULT '',
    zone              text NOT NULL DEFAULT 'UTC',
    day_end_minutes   integer NOT NULL DEFAULT 0 CHECK (day_end_minutes BETWEEN 0 AND 1439),
    fiscal_year_start integer NOT NULL DEFAULT 1 CHECK (fiscal_year_start BETWEEN 1 AND 12),
    created_at        timestamptz NOT NULL
);

CREATE TABLE api_token (
    org_id     uuid NOT NULL REFERENCES org,
    token_id   uuid NOT NULL,
    name       text NOT NULL,
    hash       bytea NOT NULL UNIQUE,          -- SHA-256 of a random token of 256 bits
    scopes     text[] NOT NULL,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz,
    PRIMARY KEY (org_id, token_id)
);

-- append-only; a chain of its own
CREATE TABLE access_log (
    org_id   uuid NOT NULL REFERENCES org,
    position bigint NOT NULL,
    at       timestamptz NOT NULL,
    actor    text NOT NULL,
    action   text NOT NULL,
    subject  text NOT NULL DEFAULT '',
    detail   text NOT NULL DEFAULT '{}',
    hash     bytea NOT NULL,
    PRIMARY KEY (org_id, position)
);

CREATE TABLE connection (
    org_id        uuid NOT NULL REFERENCES org,
    connection_id uuid NOT NULL,
    name          text NOT NULL,
    slug          text NOT NULL,
    duty          text NOT NULL CHECK (duty IN ('sales', 'payments', 'accounting')),
    settings      jsonb NOT NULL DEFAULT '{}',  -- never a secret
    tenant        text NOT NULL DEFAULT '',     -- how the vendor names the account: shop host, realm id, tenant id
    start_date    date NOT NULL,
    door          text NOT NULL UNIQUE,         -- the unguessable part of its webhook address
    created_at    timestamptz NOT NULL,
    removed_at    timestamptz,
    PRIMARY KEY (org_id, connection_id)
);
CREATE UNIQUE INDEX connection_name ON connection (org_id, name) WHERE removed_at IS NULL;

CREATE TABLE location (
    org_id          uuid NOT NULL,
    connection_id   uuid NOT NULL,
    external_id     text COLLATE "C" NOT NULL,
    name            text NOT NULL DEFAULT '',
    zone            text NOT NULL,
    day_end_minutes integer NOT NULL DEFAULT 0 CHECK (day_end_minutes BETWEEN 0 AND 1439),
    PRIMARY KEY (org_id, connection_id, external_id),
    FOREIGN KEY (org_id, connection_id) REFERENCES connection
);

-- What the user pasted: keys, webhook secrets. Two of a name are valid while one is being rotated out.
CREATE TABLE secret (
    org_id        uuid NOT NULL,
    connection_id uuid NOT NULL,
    name          text NOT NULL,
    generation    integer NOT NULL,
    ciphertext    bytea NOT NULL,
    created_at    timestamptz NOT NULL,
    retires_at    timestamptz,
    PRIMARY KEY (org_id, connection_id, name, generation),
    FOREIGN KEY (org_id, connection_id) REFERENCES connection
);

-- OAuth tokens, apart from connections. A refresh is recorded as begun before the call and saved before use.
CREATE TABLE token_grant (
    org_id           uuid NOT NULL,
    connection_id    uuid NOT NULL,
    generation       integer NOT NULL,
    ciphertext       bytea NOT NULL,            -- access token, refresh token, their expiries
    expires_at       timestamptz,
    refresh_begun_at timestamptz,
    refresh_by       text NOT NULL DEFAULT '',
    state            text NOT NULL DEFAULT 'good' CHECK (state IN ('good', 'needs_consent')),
    because          text NOT NULL DEFAULT '',
    PRIMARY KEY (org_id, connection_id),
    FOREIGN KEY (org_id, connection_id) REFERENCES connection
);

-- Who may act on what. A write that depends on a lease carries its epoch and is refused when that is over.
CREATE TABLE lease (
    org_id uuid NOT NULL REFERENCES org,
    name   text NOT NULL,
    holder text NOT NULL,
    epoch  bigint NOT NULL,
    until  timestamptz NOT NULL,
    PRIMARY KEY (org_id, name)
);
