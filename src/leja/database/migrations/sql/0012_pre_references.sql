-- Which documents name which movement at a processor: sales and refunds by their tenders, payments, payouts by what they
-- settle. So a payout finds what it settles, and two systems that saw one sale find each other.

-- append-only: a name that a later revision no longer says stays, as what was once said. Its document is there: it is
-- written with it, and documents stay.
CREATE TABLE processor_reference (
    org_id      uuid NOT NULL,
    processor   text COLLATE "C" NOT NULL,
    reference   text COLLATE "C" NOT NULL,
    document_id uuid NOT NULL,
    PRIMARY KEY (org_id, processor, reference, document_id),
    FOREIGN KEY (org_id, document_id) REFERENCES document
);
CREATE INDEX processor_reference_of ON processor_reference (org_id, document_id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON processor_reference
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE processor_reference ENABLE ALWAYS TRIGGER append_only;
