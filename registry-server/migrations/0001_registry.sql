-- The registry's tables, in statements that SQLite and PostgreSQL both take.
--
-- contents           one row for each content: text, references, metadata and rule set, keyed by their hash
-- schemas            the id of a content within a context; ids are dense and never used twice
-- schema_references  the references of a content, in the order they were given
-- versions           what a subject's versions stand for
-- configs            the settings of a subject, or of the whole context (subject '')
-- contexts           the last id given out; its row lock orders registrations

CREATE TABLE contexts (
    context TEXT   NOT NULL PRIMARY KEY,
    last_id BIGINT NOT NULL
);

INSERT INTO contexts (context, last_id) VALUES ('.', 0);

CREATE TABLE contents (
    guid        TEXT NOT NULL PRIMARY KEY,
    schema_type TEXT NOT NULL,
    text        TEXT NOT NULL,
    -- The text as the first registrant sent it, when it is not the stored text.
    text_sent   TEXT,
    metadata    TEXT,
    rule_set    TEXT
);

CREATE TABLE schema_references (
    guid     TEXT   NOT NULL REFERENCES contents (guid),
    position BIGINT NOT NULL,
    name     TEXT   NOT NULL,
    subject  TEXT   NOT NULL,
    version  BIGINT NOT NULL,
    PRIMARY KEY (guid, position)
);

CREATE TABLE schemas (
    context       TEXT   NOT NULL REFERENCES contexts (context),
    id            BIGINT NOT NULL,
    guid          TEXT   NOT NULL REFERENCES contents (guid),
    registered_ms BIGINT NOT NULL,
    PRIMARY KEY (context, id),
    UNIQUE (context, guid)
);

CREATE TABLE versions (
    context       TEXT   NOT NULL,
    subject       TEXT   NOT NULL,
    version       BIGINT NOT NULL,
    id            BIGINT NOT NULL,
    registered_ms BIGINT NOT NULL,
    deleted_ms    BIGINT,
    PRIMARY KEY (context, subject, version),
    FOREIGN KEY (context, id) REFERENCES schemas (context, id)
);

-- A schema stands once among the live versions of a subject.
CREATE UNIQUE INDEX versions_live_once ON versions (context, subject, id) WHERE deleted_ms IS NULL;

CREATE TABLE configs (
    context TEXT NOT NULL REFERENCES contexts (context),
    subject TEXT NOT NULL,
    config  TEXT NOT NULL,
    PRIMARY KEY (context, subject)
);
