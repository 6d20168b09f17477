-- A handful of entries in one statement, and guards that ask less where a statement brings one of a thing. The guards hold what
-- they held: what the short question does not answer with "all is well" goes on to the long one, which says what is wrong.
-- docs/decisions/0007-guards.md

-- Lock an organisation's head and say where its books stand: number|position|hash|open periods|locked periods, or null without a
-- head. The periods are looked at when the head is held: each statement of a function sees what was committed before it.
CREATE FUNCTION open_books(org uuid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    said text;
BEGIN
    SELECT entry_number || '|' || chain_position || '|' || encode(chain_hash, 'hex') INTO said FROM head WHERE org_id = org FOR UPDATE;
    RETURN said || (SELECT '|' || coalesce(string_agg(period, ' ') FILTER (WHERE state = 'open'), '') || '|'
                           || coalesce(string_agg(period, ' ') FILTER (WHERE state <> 'open'), '') FROM period WHERE org_id = org);
END
$$;

-- Write entries, their lines and balances, and chain items, with the rights of whoever calls. `entries` are the very bytes that
-- the digests cover (docs/decisions/0003-chain.md), so what is stored is what was hashed; `items` are arrays of position, kind,
-- subject, digest and hash, the last two in hexadecimal. Balance rows go in key order, as in a batch.
CREATE FUNCTION put_in_books(org uuid, entries jsonb, digests bytea[], items jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF cardinality(digests) > 0 THEN
        INSERT INTO entry (org_id, number, document_id, revision, ordinal, label, posting_date, period, business_day, text, reverses,
                           recorded_at, digest)
        SELECT org, (e->>2)::bigint, (e->>3)::uuid, (e->>4)::integer, (e->>5)::integer, e->>6, (e->>7)::date, e->>8, (e->>9)::date,
               e->>10, (e->>11)::bigint, (e->>12)::timestamptz, digests[place]
        FROM jsonb_array_elements(entries) WITH ORDINALITY AS posted (e, place);
        WITH new AS MATERIALIZED (
            SELECT (e->>2)::bigint AS entry_number, (e->>7)::date AS day, (l->>0)::integer AS line_number, l->>1 AS account, l->>2 AS role,
                   (l->>3)::bigint AS amount, l->>4 AS currency, (l->>5)::bigint AS base, (l->>6)::numeric AS rate, l->>7 AS location,
                   l->>8 AS channel, l->>9 AS tax_code, (l->>10)::date AS tax_point, l->>11 AS return_period, l->>12 AS memo
            FROM jsonb_array_elements(entries) AS e, jsonb_array_elements(e->13) AS l),
        lines AS (
            INSERT INTO line (org_id, entry_number, line_number, account, role, amount, currency, base, rate, location, channel, tax_code,
                              tax_point, return_period, memo)
            SELECT org, entry_number, line_number, account, role, amount, currency, base, rate, location, channel, tax_code, tax_point,
                   return_period, memo FROM new),
        added AS MATERIALIZED (
            SELECT day, account, currency, location, channel, tax_code, coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS debit,
                   coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS credit, sum(base) AS base, count(*) AS lines
            FROM new GROUP BY 1, 2, 3, 4, 5, 6
            ORDER BY 1, account COLLATE "C", currency COLLATE "C", location COLLATE "C", channel COLLATE "C", tax_code COLLATE "C"),
        days AS (
            INSERT INTO balance_day AS held (org_id, day, account, currency, location, channel, tax_code, debit, credit, base, lines)
            SELECT org, added.* FROM added
            ON CONFLICT (org_id, day, account, currency, location, channel, tax_code) DO UPDATE SET
                debit = held.debit + EXCLUDED.debit, credit = held.credit + EXCLUDED.credit, base = held.base + EXCLUDED.base,
                lines = held.lines + EXCLUDED.lines)
        INSERT INTO balance_month AS held (org_id, month, account, currency, location, channel, tax_code, debit, credit, base, lines)
        SELECT org, date_trunc('month', day::timestamp)::date, account, currency, location, channel, tax_code,
               sum(debit), sum(credit), sum(base), sum(lines)
        FROM added GROUP BY 2, 3, 4, 5, 6, 7 ORDER BY 2, 3, 4, 5, 6, 7
        ON CONFLICT (org_id, month, account, currency, location, channel, tax_code) DO UPDATE SET
            debit = held.debit + EXCLUDED.debit, credit = held.credit + EXCLUDED.credit, base = held.base + EXCLUDED.base,
            lines = held.lines + EXCLUDED.lines;
    END IF;
    INSERT INTO chain (org_id, position, kind, subject, digest, hash)
    SELECT org, (i->>0)::bigint, i->>1, i->>2, decode(i->>3, 'hex'), decode(i->>4, 'hex') FROM jsonb_array_elements(items) AS i;
END
$$;

-- One entry that goes on from the head moves it at once; otherwise all that is asked of the statement is asked together.
CREATE OR REPLACE FUNCTION entry_added() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    batch record;
    of_org uuid;
    periods text[];
    wanted text;
    is_now text;
BEGIN
    UPDATE head h SET entry_number = a.number FROM added a
    WHERE (SELECT count(*) FROM (SELECT FROM added LIMIT 2) AS few) = 1 AND h.org_id = a.org_id AND h.entry_number = a.number - 1
      AND a.period = to_char(a.posting_date::timestamp, 'YYYY-MM')
      AND (SELECT r.revision FROM document_revision r
           WHERE r.org_id = a.org_id AND r.document_id = a.document_id AND r.revision = a.revision) IS NOT NULL
    RETURNING a.org_id, ARRAY[a.period] INTO of_org, periods;
    IF NOT FOUND THEN
        SELECT any_value(a.org_id) AS org_id, bool_and(a.org_id = (SELECT org_id FROM added LIMIT 1)) AS one_org,
               min(a.number) AS first, max(a.number) AS last, count(*) AS entries,
               min(a.number) FILTER (WHERE a.period IS DISTINCT FROM to_char(a.posting_date::timestamp, 'YYYY-MM')) AS misplaced,
               min(a.number) FILTER (WHERE (SELECT r.revision FROM document_revision r
                                            WHERE r.org_id = a.org_id AND r.document_id = a.document_id AND r.revision = a.revision) IS NULL) AS unfounded
        INTO batch FROM added a;
        IF batch.entries = 0 THEN
            RETURN NULL;
        END IF;
        UPDATE head SET entry_number = batch.last
        WHERE org_id = batch.org_id AND entry_number = batch.first - 1 AND batch.last - batch.first + 1 = batch.entries AND batch.one_org;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'entries % to % of organisation % do not go on from its last number without a gap',
                batch.first, batch.last, batch.org_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_number_gap_free', HINT = 'One statement adds entries of one organisation.';
        END IF;
        IF batch.misplaced IS NOT NULL THEN
            RAISE EXCEPTION 'entry % cannot stand in its period: it is not that of its posting date', batch.misplaced
                USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_period_of_date';
        END IF;
        IF batch.unfounded IS NOT NULL THEN
            RAISE EXCEPTION 'entry % stands on a revision that is not there', batch.unfounded
                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'entry_of_a_revision';
        END IF;
        of_org := batch.org_id;
        periods := ARRAY(SELECT DISTINCT period FROM added ORDER BY period);
    END IF;
    FOREACH wanted IN ARRAY periods
    LOOP
        SELECT state INTO is_now FROM period WHERE org_id = of_org AND period = wanted FOR SHARE;
        IF is_now IS NULL THEN
            RAISE EXCEPTION 'an entry stands in the period %, which was never opened', wanted
                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'entry_period_open';
        ELSIF is_now <> 'open' THEN
            RAISE EXCEPTION 'period % is locked', wanted
                USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_period_open';
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;

-- A handful of lines of one entry in one currency needs no sums by entry and currency.
CREATE OR REPLACE FUNCTION line_added() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    batch record;
    bad record;
BEGIN
    SELECT count(*) AS lines, min(entry_number) AS first, max(entry_number) AS last, min(line_number) AS first_line,
           max(line_number) AS last_line, sum(base) = 0 AND sum(amount) = 0 AND min(currency) = max(currency) AS balanced,
           bool_and(org_id = (SELECT org_id FROM added LIMIT 1)) AS one_org,
           (SELECT h.entry_number FROM head h WHERE h.org_id = (SELECT org_id FROM added LIMIT 1)) AS numbers,
           bool_and((SELECT a.code FROM account a WHERE a.org_id = added.org_id AND a.code = added.account) IS NOT NULL) AS known
    INTO batch FROM added WHERE (SELECT count(*) FROM (SELECT FROM added LIMIT 13) AS few) <= 12;
    IF batch.first = batch.last AND batch.first BETWEEN 1 AND batch.numbers AND batch.first_line = 1 AND batch.last_line = batch.lines
       AND batch.balanced AND batch.one_org AND batch.known THEN
        RETURN NULL;
    END IF;
    SELECT entries.*,
           (SELECT h.entry_number FROM head h WHERE h.org_id = entries.org_id) AS numbers,
           (SELECT used.account FROM (SELECT DISTINCT account FROM added) AS used
            WHERE (SELECT a.code FROM account a WHERE a.org_id = entries.org_id AND a.code = used.account) IS NULL LIMIT 1) AS unknown
    INTO batch
    FROM (SELECT org_id, count(*) OVER () AS orgs, min(entry_number) AS first, max(entry_number) AS last,
                 min(entry_number) FILTER (WHERE NOT together) AS apart, bool_and(balanced) AS balanced
          FROM (SELECT org_id, entry_number, min(line_number) = 1 AND max(line_number) = count(*) AS together,
                       sum(base) = 0 AND sum(amount) = 0 AND min(currency) = max(currency) AS balanced
                FROM added GROUP BY org_id, entry_number) AS entry
          GROUP BY org_id) AS entries;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF batch.unknown IS NOT NULL THEN
        RAISE EXCEPTION 'account % is not in the chart of accounts', batch.unknown
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'line_account';
    END IF;
    IF batch.first < 1 OR batch.last > coalesce(batch.numbers, 0) OR batch.orgs > 1 THEN
        RAISE EXCEPTION 'lines of entry % without the entry', batch.last
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'line_with_its_entry', HINT = 'One statement adds lines of one organisation.';
    END IF;
    IF batch.apart IS NOT NULL THEN
        RAISE EXCEPTION 'the lines of entry % must come together, numbered from 1', batch.apart
            USING ERRCODE = 'check_violation', CONSTRAINT = 'line_with_its_entry';
    END IF;
    IF batch.balanced THEN
        RETURN NULL;
    END IF;
    SELECT entry_number, sum(base) AS base INTO bad
    FROM (SELECT entry_number, sum(amount) AS amount, sum(base) AS base, bool_or(left(role, 3) = 'fx_') AS exchange
          FROM added GROUP BY entry_number, currency) AS by_currency
    GROUP BY entry_number HAVING sum(base) <> 0 OR (bool_or(amount <> 0) AND NOT bool_or(exchange)) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % does not balance (base %)', bad.entry_number, bad.base
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_balances';
    END IF;
    RETURN NULL;
END
$$;

-- One item needs no look at its neighbours.
CREATE OR REPLACE FUNCTION chain_added() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    batch record;
BEGIN
    UPDATE head h SET chain_position = a.position, chain_hash = a.hash FROM added a
    WHERE (SELECT count(*) FROM (SELECT FROM added LIMIT 2) AS few) = 1 AND h.org_id = a.org_id AND h.chain_position = a.position - 1
      AND a.hash = sha256(convert_to(encode(h.chain_hash, 'hex') || E'\n{"digest":"' || encode(a.digest, 'hex') || '","kind":"' || a.kind
                                     || '","position":' || a.position || ',"subject":"' || a.subject || '"}', 'UTF8'));
    IF FOUND THEN
        RETURN NULL;
    END IF;
    SELECT org_id, count(*) OVER () AS orgs, min(position) AS first, max(position) AS last, count(*) AS items,
           (array_agg(hash) FILTER (WHERE before IS NULL))[1] AS first_hash,
           (array_agg(said) FILTER (WHERE before IS NULL))[1] AS first_said,
           (array_agg(hash) FILTER (WHERE is_last))[1] AS last_hash,
           min(position) FILTER (WHERE hash <> sha256(convert_to(encode(before, 'hex') || said, 'UTF8'))) AS astray
    INTO batch
    FROM (SELECT org_id, position, hash, lag(hash) OVER of_org AS before, lead(hash) OVER of_org IS NULL AS is_last,
                 E'\n{"digest":"' || encode(digest, 'hex') || '","kind":"' || kind || '","position":' || position
                 || ',"subject":"' || subject || '"}' AS said
          FROM added WINDOW of_org AS (PARTITION BY org_id ORDER BY position)) AS links
    GROUP BY org_id;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    UPDATE head SET chain_position = batch.last, chain_hash = batch.last_hash
    WHERE org_id = batch.org_id AND chain_position = batch.first - 1 AND batch.last - batch.first + 1 = batch.items AND batch.orgs = 1
      AND batch.astray IS NULL AND batch.first_hash = sha256(convert_to(encode(chain_hash, 'hex') || batch.first_said, 'UTF8'));
    IF FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM 1 FROM head
    WHERE org_id = batch.org_id AND chain_position = batch.first - 1 AND batch.last - batch.first + 1 = batch.items AND batch.orgs = 1;
    IF FOUND THEN
        RAISE EXCEPTION 'chain position % does not follow from the one before', coalesce(batch.astray, batch.first)
            USING ERRCODE = 'check_violation', CONSTRAINT = 'chain_follows';
    END IF;
    RAISE EXCEPTION 'chain positions % to % of organisation % do not go on from its head', batch.first, batch.last, batch.org_id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'chain_gap_free', HINT = 'One statement adds items of one organisation.';
END
$$;

-- One number more: two rows are looked up, and the plan for it need not be made anew for each range.
CREATE OR REPLACE FUNCTION head_agrees_with_entries() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    entries bigint;
BEGIN
    IF NEW.entry_number = OLD.entry_number + 1
       AND EXISTS (SELECT FROM entry e WHERE e.org_id = NEW.org_id AND e.number = NEW.entry_number)
       AND EXISTS (SELECT FROM line l WHERE l.org_id = NEW.org_id AND l.entry_number = NEW.entry_number AND l.line_number = 1) THEN
        RETURN NULL;
    END IF;
    SELECT least(
        (SELECT count(*) FROM entry e
         WHERE e.org_id = NEW.org_id AND e.number > OLD.entry_number AND e.number <= NEW.entry_number),
        (SELECT count(*) FROM line l
         WHERE l.org_id = NEW.org_id AND l.entry_number > OLD.entry_number AND l.entry_number <= NEW.entry_number
           AND l.line_number = 1)) INTO entries;
    IF entries <> NEW.entry_number - OLD.entry_number THEN
        RAISE EXCEPTION 'of the entries % to %, % have no lines or are not there',
            OLD.entry_number + 1, NEW.entry_number, NEW.entry_number - OLD.entry_number - entries
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_has_lines';
    END IF;
    RETURN NULL;
END
$$;
