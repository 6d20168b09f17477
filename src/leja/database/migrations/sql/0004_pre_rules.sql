-- What an accountant decides: accounts, mapping versions, posting modes, recognition, rates, standing costs. Append-only.

CREATE TABLE account (
    org_id uuid NOT NULL REFERENCES org,
    code   text NOT NULL,
    name   text NOT NULL,
    kind   text NOT NULL,                       -- as RemoteAccount.kind
    PRIMARY KEY (org_id, code)
);

CREATE TABLE mapping_version (
    org_id         uuid NOT NULL REFERENCES org,
    version        integer NOT NULL,
    effective_from date NOT NULL,
    reason         text NOT NULL DEFAULT '',
    made_by        text NOT NULL,
    recorded_at    timestamptz NOT NULL,
    PRIMARY KEY (org_id, version)
);

-- scope: 'books' (role -> our account) or a connection id (our account, tax code, role's item -> remote id).
-- kind: 'role', 'account', 'tax_code', 'item', 'customer'. conditions: {"sku","category","channel","location","country"}.
CREATE TABLE mapping_rule (
    org_id     uuid NOT NULL,
    version    integer NOT NULL,
    scope      text NOT NULL,
    kind       text NOT NULL,
    key        text NOT NULL,
    conditions jsonb NOT NULL DEFAULT '{}',
    value      text,                            -- null takes an earlier version's rule back
    ordinal    integer NOT NULL,
    PRIMARY KEY (org_id, version, ordinal),
    FOREIGN KEY (org_id, version) REFERENCES mapping_version
);

CREATE TABLE posting_mode (
    org_id         uuid NOT NULL,
    connection_id  uuid NOT NULL,               -- the target
    channel        text NOT NULL DEFAULT '',    -- '' is every channel
    customer_kind  text NOT NULL DEFAULT '' CHECK (customer_kind IN ('', 'consumer', 'business')),
    mode           text NOT NULL CHECK (mode IN ('each', 'daily', 'payout')),
    effective_from date NOT NULL,
    recorded_at    timestamptz NOT NULL,
    PRIMARY KEY (org_id, connection_id, channel, customer_kind, effective_from, recorded_at),
    FOREIGN KEY (org_id, connection_id) REFERENCES connection
);

CREATE TABLE recognition (
    org_id         uuid NOT NULL REFERENCES org,
    channel        text NOT NULL DEFAULT '',
    moment         text NOT NULL CHECK (moment IN ('sale', 'dispatch', 'delivery')),
    effective_from date NOT NULL,
    recorded_at    timestamptz NOT NULL,
    PRIMARY KEY (org_id, channel, effective_from, recorded_at)
);

CREATE TABLE exchange_rate (
    org_id      uuid NOT NULL REFERENCES org,
    currency    text NOT NULL,
    day         date NOT NULL,
    purpose     text NOT NULL CHECK (purpose IN ('book', 'tax', 'customs')),
    rate        numeric NOT NULL CHECK (rate > 0),   -- base currency for one unit of currency
    source      text NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, currency, day, purpose, recorded_at)
);

CREATE TABLE item_cost (
    org_id         uuid NOT NULL REFERENCES org,
    sku            text COLLATE "C" NOT NULL,
    effective_from date NOT NULL,
    cost           numeric NOT NULL CHECK (cost >= 0), -- base currency for one unit
    source         text NOT NULL,
    recorded_at    timestamptz NOT NULL,
    PRIMARY KEY (org_id, sku, effective_from, recorded_at)
);
