//! Signatures, until the parser is here.
#![allow(missing_docs)]

use crate::{Finding, ParseError, ReadError, Resolved, Value, WalkError};

#[derive(Clone, Debug)]
pub struct Schema;
impl Schema {
    pub fn parse(text: &str, _resolved: &[Resolved]) -> Result<Schema, ParseError> {
        Err(ParseError::at(text, 0, "interim"))
    }
    pub fn text(&self) -> &str {
        ""
    }
    pub fn stored_text(&self) -> String {
        String::new()
    }
    pub fn normalized(&self) -> String {
        String::new()
    }
    pub fn record_name(&self) -> Option<String> {
        None
    }
    pub fn fingerprint(&self) -> [u8; 32] {
        [0; 32]
    }
}
#[derive(Clone, Debug)]
pub struct Walk;
impl Walk {
    pub fn new(_schema: &Schema) -> Walk {
        Walk
    }
    pub fn check(&self, _body: &[u8]) -> Result<(), WalkError> {
        Ok(())
    }
}
#[derive(Clone, Debug)]
pub struct Reading;
impl Reading {
    pub fn new(_writer: &Schema, _reader: &Schema) -> Result<Reading, Vec<Finding>> {
        Ok(Reading)
    }
    pub fn of(_writer: &Schema) -> Reading {
        Reading
    }
    pub fn read(&self, _body: &[u8]) -> Result<Value, ReadError> {
        Ok(Value::Null)
    }
    pub fn record_name(&self) -> String {
        String::new()
    }
}
#[derive(Clone, Debug)]
pub struct Plan;
impl Plan {
    pub fn resolve(_writer: &Schema, _reader: &Schema) -> Result<Plan, Vec<Finding>> {
        Ok(Plan)
    }
    pub fn is_identity(&self) -> bool {
        true
    }
    pub fn translate(&self, body: &[u8], out: &mut Vec<u8>) -> Result<(), ReadError> {
        out.extend_from_slice(body);
        Ok(())
    }
}
