-- What a schema prints as, and what tells one history of commits from another.
--
-- `schemas.form` is the hash of the printed form. NULL: never worked out, or in Avro the guid. Where it is set and
-- `text_sent` is, that text is the one that is served, and the content's is the one that `guid` is the hash of.
--
-- commits    the last commits, each with a random token: whoever knows a commit that is not here knows another history,
--            as after a dump was restored
-- registry   the token of the last commit stands beside its number

ALTER TABLE schemas ADD COLUMN form TEXT;

ALTER TABLE registry ADD COLUMN token TEXT NOT NULL DEFAULT '';

CREATE TABLE commits (
    sequence BIGINT NOT NULL PRIMARY KEY,
    token    TEXT   NOT NULL
);
