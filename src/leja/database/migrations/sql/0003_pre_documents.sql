-- What happened, in the trade's words. Revisions are append-only and hold no personal data.

CREATE TABLE document (
    org_id        uuid NOT NULL,
    document_id   uuid NOT NULL,
    connection_id uuid NOT NULL,
    kind          text NOT NULL,
    external_id   text COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, document_id),
    UNIQUE (org_id, connection_id, kind, external_id),
    FOREIGN KEY (org_id, connection_id) REFERENCES connection
);

-- Erasable; the revision holds its salted digest.
CREATE TABLE party (
    org_id        uuid NOT NULL,
    party_id      uuid NOT NULL,
    connection_id uuid NOT NULL,
    external_id   text COLLATE "C" NOT NULL,
    salt          bytea,
    data          text,                         -- canonical JSON
    digest        bytea NOT NULL,               -- SHA-256(salt || data)
    erased_at     timestamptz,
    PRIMARY KEY (org_id, party_id),
    FOREIGN KEY (org_id, connection_id) REFERENCES connection
);
CREATE INDEX party_external ON party (org_id, connection_id, external_id);

CREATE TABLE document_revision (
    org_id         uuid NOT NULL,
    document_id    uuid NOT NULL,
    revision       integer NOT NULL,
    version        text COLLATE "C" NOT NULL,   -- the source's, made comparable
    digest         bytea NOT NULL,              -- of the content, version apart
    event_id       uuid NOT NULL,
    occurred_at    timestamptz NOT NULL,
    offset_minutes integer NOT NULL,
    business_day   date NOT NULL,
    number         text NOT NULL DEFAULT '',
    currency       text NOT NULL,
    facts          text NOT NULL,               -- canonical JSON of the document, the party taken out
    party_id       uuid,
    party_digest   bytea,
    withdrawn      boolean NOT NULL DEFAULT false,
    flags          text[] NOT NULL DEFAULT '{}', -- what posting flagged: 'unlinked_return', 'before_start', ...
    recorded_at    timestamptz NOT NULL,
    PRIMARY KEY (org_id, document_id, revision),
    FOREIGN KEY (org_id, document_id) REFERENCES document,
    FOREIGN KEY (org_id, event_id) REFERENCES event
);
CREATE INDEX document_revision_day ON document_revision (org_id, business_day);
CREATE INDEX document_revision_event ON document_revision (org_id, event_id);

-- append-only
CREATE TABLE document_link (
    org_id        uuid NOT NULL,
    document_id   uuid NOT NULL,
    relation      text NOT NULL CHECK (relation IN ('refund_of', 'fulfilment_of', 'payment_of')),
    connection_id uuid NOT NULL,
    kind          text NOT NULL,
    external_id   text COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, document_id, relation, kind, external_id),
    FOREIGN KEY (org_id, document_id) REFERENCES document
);
CREATE INDEX document_link_to ON document_link (org_id, connection_id, kind, external_id);
