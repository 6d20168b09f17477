-- What a person must decide, and what reconciling found.

CREATE TABLE review_item (
    org_id        uuid NOT NULL REFERENCES org,
    item_id       uuid NOT NULL,
    code          text NOT NULL,                -- docs/errors.md
    subject       text COLLATE "C" NOT NULL,    -- "event/<id>", "deliverable/<id>", "group/<target>/<group key>", "connection/<id>"
    connection_id uuid,
    message       text NOT NULL,
    remedy        text NOT NULL,
    facts         jsonb NOT NULL DEFAULT '{}',
    waits_for     text COLLATE "C" NOT NULL DEFAULT '',
    opened_at     timestamptz NOT NULL,
    settled_at    timestamptz,
    settled_by    text NOT NULL DEFAULT '',
    settled_how   text NOT NULL DEFAULT '',     -- mended, dismissed, accepted
    PRIMARY KEY (org_id, item_id)
);
CREATE UNIQUE INDEX review_item_open ON review_item (org_id, code, subject) WHERE settled_at IS NULL;
CREATE INDEX review_item_waits ON review_item (org_id, waits_for) WHERE settled_at IS NULL;

CREATE TABLE difference (
    org_id        uuid NOT NULL,
    difference_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    kind          text NOT NULL,                -- amount, missing, doubled, edited, voided, deleted, residual
    account       text NOT NULL DEFAULT '',
    day           date,
    reference     text COLLATE "C" NOT NULL DEFAULT '',
    ours          bigint,
    theirs        bigint,
    currency      text NOT NULL DEFAULT '',
    known         boolean NOT NULL DEFAULT false,
    cause         text NOT NULL DEFAULT '',
    found_at      timestamptz NOT NULL,
    settled_at    timestamptz,
    PRIMARY KEY (org_id, difference_id),
    FOREIGN KEY (org_id, connection_id) REFERENCES connection
);
CREATE INDEX difference_open ON difference (org_id, connection_id, kind) WHERE settled_at IS NULL;
