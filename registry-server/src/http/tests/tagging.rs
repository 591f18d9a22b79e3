//! Tags in the texts of schemas.

use super::App;

const TEXTS: &[(&str, &str)] = &[
    (
        "PLAIN",
        r#"{"type":"record","name":"R","namespace":"a","fields":[{"name":"x","type":"int"}]}"#,
    ),
    (
        "WIDER",
        r#"{"type":"record","name":"R","namespace":"a","fields":[{"name":"x","type":"int"},{"name":"y","type":"int","default":0}]}"#,
    ),
    ("PROTO", "syntax = \"proto3\"; message M { int32 a = 1; }"),
];

#[tokio::test]
async fn tags() {
    let app = App::new().await;
    let script = r#"
        POST /subjects/s/versions {"schema": $PLAIN }
        200 "*"
        POST /subjects/s/versions/latest/tags {"newVersion": 2, "tagsToAdd": [{"schemaEntity": {"entityPath": "a.R.x", "entityType": "sr_field"}, "tags": ["PII", "CARD"]}], "metadata": {"properties": {"k": "v"}}}
        200 {"id": 2, "version": 2, "guid": "*", "schemaType": "AVRO", "schema": "~\"confluent:tags\":[\"CARD\",\"PII\"]", "metadata": {"properties": {"k": "v"}}}
        GET /subjects/s/versions/2?findTags=*
        200 {"subject": "s", "version": 2, "id": 2, "guid": "*", "schemaType": "AVRO", "metadata": "*", "schema": "*", "schemaTags": [{"schemaEntity": {"entityPath": "a.R.x", "entityType": "sr_field"}, "tags": ["CARD", "PII"]}], "ts": 1700000000000, "deleted": false}
        GET /schemas/ids/2?findTags=PII&findTags=OTHER
        200 {"schemaType": "AVRO", "metadata": "*", "schema": "*", "schemaTags": [{"schemaEntity": {"entityPath": "a.R.x", "entityType": "sr_field"}, "tags": ["PII"]}], "guid": "*", "ts": 1700000000000, "deleted": false}
        GET /schemas/ids/1?findTags=*
        200 {"schemaType": "AVRO", "schema": $PLAIN , "guid": "*", "ts": 1700000000000, "deleted": false}
        # The tags of the newest version are taken over, others added.
        POST /subjects/s/versions {"schema": $WIDER , "propagateSchemaTags": true, "schemaTagsToAdd": [{"schemaEntity": {"entityPath": "a.R", "entityType": "sr_record"}, "tags": ["T"]}]}
        200 {"id": 3, "version": 3, "guid": "*", "schemaType": "AVRO", "schema": "~\"confluent:tags\":[\"CARD\",\"PII\"]", "metadata": "*"}
        POST /subjects/s/versions {"schemaTagsToRemove": [{"schemaEntity": {"entityPath": "a.R.x", "entityType": "sr_field"}, "tags": ["CARD", "PII"]}, {"schemaEntity": {"entityPath": "a.R", "entityType": "sr_record"}, "tags": ["T"]}]}
        200 {"id": 4, "version": 4, "guid": "*", "schemaType": "AVRO", "schema": $WIDER , "metadata": "*"}
        POST /subjects/s/versions/4/tags {"tagsToAdd": [{"schemaEntity": {"entityPath": "a.R.z", "entityType": "sr_field"}, "tags": ["T"]}]}
        422 {"error_code": 42201, "message": "~no field at \"a.R.z\""}
        POST /subjects/s/versions/4/tags {"newVersion": 9, "tagsToAdd": [{"schemaEntity": {"entityPath": "a.R.x", "entityType": "sr_field"}, "tags": ["T"]}]}
        422 {"error_code": 42201, "message": "~next version"}
        POST /subjects/s/versions/4/tags {"ruleSet": {}, "rulesToRemove": ["r"]}
        422 {"error_code": 42210, "message": "~rulesToMerge"}
        POST /subjects/s/versions/4/tags {"rulesToMerge": {"domainRules": [{"name": "r", "type": "CEL"}, {"name": "q", "type": "CEL"}]}}
        200 {"id": 5, "version": 5, "guid": "*", "schemaType": "AVRO", "schema": "*", "metadata": "*", "ruleSet": {"domainRules": ["*", "*"]}}
        POST /subjects/s/versions/5/tags {"rulesToRemove": ["q"]}
        200 {"id": 6, "version": 6, "guid": "*", "schemaType": "AVRO", "schema": "*", "metadata": "*", "ruleSet": {"domainRules": ["*"]}}
        POST /subjects/p/versions {"schemaType": "PROTOBUF", "schema": $PROTO }
        200 "*"
        POST /subjects/p/versions/1/tags {"tagsToAdd": [{"schemaEntity": {"entityPath": "M.a", "entityType": "sr_field"}, "tags": ["T"]}]}
        422 {"error_code": 42201, "message": "~options within its text"}
    "#;
    app.play(TEXTS, script).await;
}
