//! The rules of JSON Schema compatibility, a row each.
//!
//! The codes are Confluent's, because tools match on them; `DEFAULT_CHANGED` breaks here under one policy,
//! `FORMAT_CHANGED`, `PATTERN_PROPERTY_ADDED`, `REQUIRED_ATTRIBUTE_WITHOUT_SCHEMA_ADDED`, the `…_CONTAINS_…` rows, `CONDITION_CHANGED` and `COMPARISON_TOO_LARGE`
//! are our own. Which rows break depends on the policies: see [`Class`].

use crate::{CompatibilityPolicy, Direction, Form, Policy, Rule, Standard};

/// When a difference breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Never.
    Harmless,
    /// Always.
    Breaking,
    /// Only if data may hold what its schema does not declare. `LENIENT` and the policy `wire` take it that it does not.
    Undeclared,
    /// Data its schema declares fails; only `LENIENT` lets it pass.
    Closed,
    /// Confluent lets it pass, and data may fail all the same: breaks under `strict` and `wire`.
    Trusting,
    /// Data stays valid and may mean something else: breaks under `strict` alone.
    Meaning,
}

/// A difference between a writer's and a reader's schema.
#[derive(Debug)]
pub struct Row {
    /// Code and sentence.
    pub rule: Rule,
    /// When it breaks.
    pub class: Class,
    /// With `{reader}`, `{writer}` and `{path}` to be filled in.
    description: &'static str,
}

impl Row {
    const fn new(rule: Rule, class: Class, description: &'static str) -> Row {
        Row {
            rule,
            class,
            description,
        }
    }

    /// Whether a reader with this difference counts as reading the writer's data.
    #[must_use]
    pub fn is_compatible(&self, standard: Standard) -> bool {
        let lenient = standard.compatibility_policy == CompatibilityPolicy::Lenient;
        match (self.class, standard.policy) {
            (Class::Harmless, _) | (Class::Undeclared | Class::Meaning, Policy::Wire) => true,
            (Class::Breaking, _) | (Class::Closed | Class::Trusting, Policy::Wire) => false,
            (Class::Undeclared | Class::Closed, Policy::Confluent | Policy::Strict) => lenient,
            (Class::Trusting | Class::Meaning, policy) => policy == Policy::Confluent,
        }
    }

    /// The description of this difference at a path.
    #[must_use]
    pub fn describe(&self, path: &str, direction: Direction) -> String {
        let (reader, writer) = direction.words();
        self.description
            .replace("{reader}", reader)
            .replace("{writer}", writer)
            .replace("{limit}", &super::compat::STEPS_MAX.to_string())
            .replace("{path}", path)
    }
}

macro_rules! rows {
    ($($name:ident: $class:ident, $sentence:literal, $description:literal $(, $fix:literal)?;)*) => {
        $(
            #[doc = $sentence]
            pub static $name: Row = Row::new(
                Rule::new(stringify!($name), Form::Protobuf, $sentence)$(.fixed_by($fix))?,
                Class::$class,
                $description,
            );
        )*

        /// Every row.
        pub static ALL: &[&Row] = &[$(&$name),*];
    };
}

rows! {
    ID_CHANGED: Harmless,
        "A schema's id may change.",
        "The id at path '{path}' in the {reader} schema does not match its id in the {writer} schema";
    TITLE_CHANGED: Harmless,
        "A title may change.",
        "The title at path '{path}' in the {reader} schema does not match its title in the {writer} schema";
    DESCRIPTION_CHANGED: Harmless,
        "A description may change.",
        "The description at path '{path}' in the {reader} schema does not match its description in the {writer} schema";
    DEFAULT_CHANGED: Meaning,
        "A default stays, because readers take it for the value of a property that is not there.",
        "The default at path '{path}' in the {reader} schema does not match its default in the {writer} schema",
        "Keep the default, or give the property a new name.";
    FORMAT_CHANGED: Trusting,
        "A format stays or goes, because validators may check it.",
        "The format at path '{path}' in the {reader} schema does not match its format in the {writer} schema",
        "Keep the format, or drop it.";
    SCHEMA_ADDED: Breaking,
        "What was not restricted stays so, because data may hold anything there.",
        "The {reader} schema has a schema at path '{path}' which is missing in the {writer} schema",
        "Leave the schema out here, or demand it of a new property.";
    SCHEMA_REMOVED: Harmless,
        "A restriction may be dropped.",
        "The {reader} schema is missing a schema at path '{path}' which is present in the {writer} schema";
    TYPE_EXTENDED: Harmless,
        "A type may be added, and an integer may become a number.",
        "The type at path '{path}' in the {reader} schema accepts more than in the {writer} schema";
    TYPE_NARROWED: Breaking,
        "A type stays, because data of it may exist.",
        "The type at path '{path}' in the {reader} schema accepts less than in the {writer} schema",
        "Keep the types there were; add to them if need be.";
    TYPE_CHANGED: Breaking,
        "A type is not replaced by another.",
        "The type at path '{path}' in the {reader} schema is different from the type in the {writer} schema",
        "Keep the old type beside the new one (\"type\": [old, new]), or add a property with a new name.";
    COMBINED_TYPE_EXTENDED: Harmless,
        "oneOf may become anyOf; to Confluent's registry anyOf may become a oneOf of more choices.",
        "The combination at path '{path}' in the {reader} schema accepts more than in the {writer} schema";
    COMBINED_TYPE_CHANGED: Breaking,
        "A combination stays anyOf, oneOf or allOf; only oneOf may become anyOf, and anyOf a oneOf of more choices, as far as no value fits two.",
        "The combination at path '{path}' in the {reader} schema is of another kind than in the {writer} schema",
        "Keep the combinator, or write anyOf for oneOf.";
    COMBINED_TYPE_SUBSCHEMAS_CHANGED: Breaking,
        "Each subschema of a combination has a counterpart that accepts as much.",
        "A subschema of the combination at path '{path}' in the {reader} schema has no compatible counterpart in the {writer} schema",
        "Leave the subschemas as they were and add new ones beside them.";
    PRODUCT_TYPE_EXTENDED: Breaking,
        "allOf gets no further demand.",
        "The {reader} schema has a further demand in the allOf at path '{path}' which is missing in the {writer} schema",
        "Drop the added subschema.";
    PRODUCT_TYPE_NARROWED: Harmless,
        "allOf may lose a demand.",
        "The {reader} schema has fewer demands in the allOf at path '{path}' than the {writer} schema";
    SUM_TYPE_EXTENDED: Harmless,
        "anyOf and oneOf may get a choice.",
        "The {reader} schema has a further choice at path '{path}' which is missing in the {writer} schema";
    SUM_TYPE_NARROWED: Breaking,
        "anyOf and oneOf keep every choice, because data may have taken it.",
        "The {reader} schema is missing a choice at path '{path}' which is present in the {writer} schema",
        "Put the choice back.";
    NOT_TYPE_EXTENDED: Breaking,
        "not forbids no more than before.",
        "The schema that is forbidden at path '{path}' in the {reader} schema accepts more than in the {writer} schema",
        "Forbid no more than before.";
    NOT_TYPE_NARROWED: Harmless,
        "not may forbid less.",
        "The schema that is forbidden at path '{path}' in the {reader} schema accepts less than in the {writer} schema";
    ENUM_ARRAY_EXTENDED: Harmless,
        "An enum may get values.",
        "The enum at path '{path}' in the {reader} schema has values which are missing in the {writer} schema";
    ENUM_ARRAY_NARROWED: Breaking,
        "An enum keeps its values, and what had none gets none, because data may hold them.",
        "The enum at path '{path}' in the {reader} schema is missing values which the {writer} schema allows",
        "Put the values back; say in the description that they are no longer used.";
    ENUM_ARRAY_CHANGED: Breaking,
        "An enum keeps the values it had when it gets others.",
        "The enum at path '{path}' in the {reader} schema lacks values of the {writer} schema and has others",
        "Keep the old values beside the new ones.";
    MAX_LENGTH_ADDED: Breaking,
        "What had no maxLength gets none.",
        "The keyword at path '{path}' in the {reader} schema is not present in the {writer} schema",
        "Drop maxLength.";
    MAX_LENGTH_REMOVED: Harmless,
        "maxLength may be dropped.",
        "The keyword at path '{path}' in the {writer} schema is not present in the {reader} schema";
    MAX_LENGTH_DECREASED: Breaking,
        "maxLength is not decreased.",
        "The keyword at path '{path}' in the {reader} schema is more restrictive than in the {writer} schema",
        "Keep the old maxLength.";
    MAX_LENGTH_INCREASED: Harmless,
        "maxLength may be increased.",
        "The keyword at path '{path}' in the {reader} schema is less restrictive than in the {writer} schema";
    MIN_LENGTH_ADDED: Breaking,
        "What had no minLength gets none.",
        "The keyword at path '{path}' in the {reader} schema is not present in the {writer} schema",
        "Drop minLength.";
    MIN_LENGTH_REMOVED: Harmless,
        "minLength may be dropped.",
        "The keyword at path '{path}' in the {writer} schema is not present in the {reader} schema";
    MIN_LENGTH_INCREASED: Breaking,
        "minLength is not increased.",
        "The keyword at path '{path}' in the {reader} schema is more restrictive than in the {writer} schema",
        "Keep the old minLength.";
    MIN_LENGTH_DECREASED: Harmless,
        "minLength may be decreased.",
        "The keyword at path '{path}' in the {reader} schema is less restrictive than in the {writer} schema";
    MAXIMUM_ADDED: Breaking,
        "What had no maximum gets none.",
        "The keyword at path '{path}' in the {reader} schema is not present in the {writer} schema",
        "Drop maximum.";
    MAXIMUM_REMOVED: Harmless,
        "maximum may be dropped.",
        "The keyword at path '{path}' in the {writer} schema is not present in the {reader} schema";
    MAXIMUM_DECREASED: Breaking,
        "maximum is not decreased.",
        "The keyword at path '{path}' in the {reader} schema is more restrictive than in the {writer} schema",
        "Keep the old maximum.";
    MAXIMUM_INCREASED: Harmless,
        "maximum may be increased.",
        "The keyword at path '{path}' in the {reader} schema is less restrictive than in the {writer} schema";
    MINIMUM_ADDED: Breaking,
        "What had no minimum gets none.",
        "The keyword at path '{path}' in the {reader} schema is not present in the {writer} schema",
        "Drop minimum.";
    MINIMUM_REMOVED: Harmless,
        "minimum may be dropped.",
        "The keyword at path '{path}' in the {writer} schema is not present in the {reader} schema";
    MINIMUM_INCREASED: Breaking,
        "minimum is not increased.",
        "The keyword at path '{path}' in the {reader} schema is more restrictive than in the {writer} schema",
        "Keep the old minimum.";
    MINIMUM_DECREASED: Harmless,
        "minimum may be decreased.",
        "The keyword at path '{path}' in the {reader} schema is less restrictive than in the {writer} schema";
    EXCLUSIVE_MAXIMUM_ADDED: Breaking,
        "What had no exclusiveMaximum gets none.",
        "The keyword at path '{path}' in the {reader} schema is not present in the {writer} schema",
        "Drop exclusiveMaximum.";
    EXCLUSIVE_MAXIMUM_REMOVED: Harmless,
        "exclusiveMaximum may be dropped.",
        "The keyword at path '{path}' in the {writer} schema is not present in the {reader} schema";
    EXCLUSIVE_MAXIMUM_DECREASED: Breaking,
        "exclusiveMaximum is not decreased.",
        "The keyword at path '{path}' in the {reader} schema is more restrictive than in the {writer} schema",
        "Keep the old exclusiveMaximum.";
    EXCLUSIVE_MAXIMUM_INCREASED: Harmless,
        "exclusiveMaximum may be increased.",
        "The keyword at path '{path}' in the {reader} schema is less restrictive than in the {writer} schema";
    EXCLUSIVE_MINIMUM_ADDED: Breaking,
        "What had no exclusiveMinimum gets none.",
        "The keyword at path '{path}' in the {reader} schema is not present in the {writer} schema",
        "Drop exclusiveMinimum.";
    EXCLUSIVE_MINIMUM_REMOVED: Harmless,
        "exclusiveMinimum may be dropped.",
        "The keyword at path '{path}' in the {writer} schema is not present in the {reader} schema";
    EXCLUSIVE_MINIMUM_INCREASED: Breaking,
        "exclusiveMinimum is not increased.",
        "The keyword at path '{path}' in the {reader} schema is more restrictive than in the {writer} schema",
        "Keep the old exclusiveMinimum.";
    EXCLUSIVE_MINIMUM_DECREASED: Harmless,
        "exclusiveMinimum may be decreased.",
        "The keyword at path '{path}' in the {reader} schema is less restrictive than in the {writer} schema";
    MAX_ITEMS_ADDED: Breaking,
        "What had no maxItems gets none.",
        "The keyword at path '{path}' in the {reader} schema is not present in the {writer} schema",
        "Drop maxItems.";
    MAX_ITEMS_REMOVED: Harmless,
        "maxItems may be dropped.",
        "The keyword at path '{path}' in the {writer} schema is not present in the {reader} schema";
    MAX_ITEMS_DECREASED: Breaking,
        "maxItems is not decreased.",
        "The keyword at path '{path}' in the {reader} schema is more restrictive than in the {writer} schema",
        "Keep the old maxItems.";
    MAX_ITEMS_INCREASED: Harmless,
        "maxItems may be increased.",
        "The keyword at path '{path}' in the {reader} schema is less restrictive than in the {writer} schema";
    MIN_ITEMS_ADDED: Breaking,
        "What had no minItems gets none.",
        "The keyword at path '{path}' in the {reader} schema is not present in the {writer} schema",
        "Drop minItems.";
    MIN_ITEMS_REMOVED: Harmless,
        "minItems may be dropped.",
        "The keyword at path '{path}' in the {writer} schema is not present in the {reader} schema";
    MIN_ITEMS_INCREASED: Breaking,
        "minItems is not increased.",
        "The keyword at path '{path}' in the {reader} schema is more restrictive than in the {writer} schema",
        "Keep the old minItems.";
    MIN_ITEMS_DECREASED: Harmless,
        "minItems may be decreased.",
        "The keyword at path '{path}' in the {reader} schema is less restrictive than in the {writer} schema";
    MAX_PROPERTIES_ADDED: Breaking,
        "What had no maxProperties gets none.",
        "The keyword at path '{path}' in the {reader} schema is not present in the {writer} schema",
        "Drop maxProperties.";
    MAX_PROPERTIES_REMOVED: Harmless,
        "maxProperties may be dropped.",
        "The keyword at path '{path}' in the {writer} schema is not present in the {reader} schema";
    MAX_PROPERTIES_DECREASED: Breaking,
        "maxProperties is not decreased.",
        "The keyword at path '{path}' in the {reader} schema is more restrictive than in the {writer} schema",
        "Keep the old maxProperties.";
    MAX_PROPERTIES_INCREASED: Harmless,
        "maxProperties may be increased.",
        "The keyword at path '{path}' in the {reader} schema is less restrictive than in the {writer} schema";
    MIN_PROPERTIES_ADDED: Breaking,
        "What had no minProperties gets none.",
        "The keyword at path '{path}' in the {reader} schema is not present in the {writer} schema",
        "Drop minProperties.";
    MIN_PROPERTIES_REMOVED: Harmless,
        "minProperties may be dropped.",
        "The keyword at path '{path}' in the {writer} schema is not present in the {reader} schema";
    MIN_PROPERTIES_INCREASED: Breaking,
        "minProperties is not increased.",
        "The keyword at path '{path}' in the {reader} schema is more restrictive than in the {writer} schema",
        "Keep the old minProperties.";
    MIN_PROPERTIES_DECREASED: Harmless,
        "minProperties may be decreased.",
        "The keyword at path '{path}' in the {reader} schema is less restrictive than in the {writer} schema";
    MAX_CONTAINS_ADDED: Breaking,
        "What had no maxContains gets none.",
        "The keyword at path '{path}' in the {reader} schema is not present in the {writer} schema",
        "Drop maxContains.";
    MAX_CONTAINS_REMOVED: Harmless,
        "maxContains may be dropped.",
        "The keyword at path '{path}' in the {writer} schema is not present in the {reader} schema";
    MAX_CONTAINS_DECREASED: Breaking,
        "maxContains is not decreased.",
        "The keyword at path '{path}' in the {reader} schema is more restrictive than in the {writer} schema",
        "Keep the old maxContains.";
    MAX_CONTAINS_INCREASED: Harmless,
        "maxContains may be increased.",
        "The keyword at path '{path}' in the {reader} schema is less restrictive than in the {writer} schema";
    MIN_CONTAINS_ADDED: Breaking,
        "What had no minContains gets none.",
        "The keyword at path '{path}' in the {reader} schema is not present in the {writer} schema",
        "Drop minContains.";
    MIN_CONTAINS_REMOVED: Harmless,
        "minContains may be dropped.",
        "The keyword at path '{path}' in the {writer} schema is not present in the {reader} schema";
    MIN_CONTAINS_INCREASED: Breaking,
        "minContains is not increased.",
        "The keyword at path '{path}' in the {reader} schema is more restrictive than in the {writer} schema",
        "Keep the old minContains.";
    MIN_CONTAINS_DECREASED: Harmless,
        "minContains may be decreased.",
        "The keyword at path '{path}' in the {reader} schema is less restrictive than in the {writer} schema";
    PATTERN_ADDED: Breaking,
        "What had no pattern gets none.",
        "The keyword at path '{path}' in the {reader} schema is not present in the {writer} schema",
        "Drop the pattern.";
    PATTERN_REMOVED: Harmless,
        "A pattern may be dropped.",
        "The keyword at path '{path}' in the {writer} schema is not present in the {reader} schema";
    PATTERN_CHANGED: Breaking,
        "A pattern stays as it is, because nobody can tell whether another one accepts as much.",
        "The keyword at path '{path}' in the {reader} schema does not match the {writer} schema",
        "Keep the pattern, or drop it.";
    MULTIPLE_OF_ADDED: Breaking,
        "What had no multipleOf gets none.",
        "The keyword at path '{path}' in the {reader} schema is not present in the {writer} schema",
        "Drop multipleOf.";
    MULTIPLE_OF_REMOVED: Harmless,
        "multipleOf may be dropped.",
        "The keyword at path '{path}' in the {writer} schema is not present in the {reader} schema";
    MULTIPLE_OF_EXPANDED: Breaking,
        "multipleOf is not raised to a multiple of itself.",
        "The keyword at path '{path}' in the {reader} schema is a multiple of that in the {writer} schema",
        "Keep the old multipleOf.";
    MULTIPLE_OF_REDUCED: Harmless,
        "multipleOf may be lowered to a divisor of itself.",
        "The keyword at path '{path}' in the {reader} schema is a divisor of that in the {writer} schema";
    MULTIPLE_OF_CHANGED: Breaking,
        "multipleOf changes only to a divisor of itself.",
        "The keyword at path '{path}' in the {reader} schema is neither a multiple nor a divisor of that in the {writer} schema",
        "Keep the old multipleOf, or write a divisor of it.";
    UNIQUE_ITEMS_ADDED: Breaking,
        "Items that could repeat may go on doing so.",
        "The keyword at path '{path}' in the {reader} schema is not present in the {writer} schema",
        "Drop uniqueItems.";
    UNIQUE_ITEMS_REMOVED: Harmless,
        "uniqueItems may be dropped.",
        "The keyword at path '{path}' in the {writer} schema is not present in the {reader} schema";
    REQUIRED_ATTRIBUTE_ADDED: Breaking,
        "A property that was optional stays so, because data may lack it.",
        "The {reader} schema requires the property at path '{path}' which the {writer} schema does not require",
        "Leave the property optional.";
    REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED: Trusting,
        "A property that was optional is required only with a default, and validators do not fill that in.",
        "The {reader} schema requires the property at path '{path}', with a default, which the {writer} schema does not require",
        "Leave the property optional.";
    REQUIRED_ATTRIBUTE_WITHOUT_SCHEMA_ADDED: Trusting,
        "No property that is not declared becomes required in place of one that is, because data may lack it.",
        "The {reader} schema requires a property at path '{path}' which it does not declare and the {writer} schema does not require",
        "Take the property out of \"required\".";
    REQUIRED_ATTRIBUTE_REMOVED: Harmless,
        "A required property may become optional.",
        "The {reader} schema does not require the property at path '{path}' which the {writer} schema requires";
    DEPENDENCY_ARRAY_ADDED: Breaking,
        "A property gets no dependency on others.",
        "The keyword at path '{path}' in the {reader} schema is not present in the {writer} schema",
        "Drop the dependency.";
    DEPENDENCY_ARRAY_REMOVED: Harmless,
        "A dependency may be dropped.",
        "The keyword at path '{path}' in the {writer} schema is not present in the {reader} schema";
    DEPENDENCY_ARRAY_EXTENDED: Breaking,
        "A dependency demands no further properties.",
        "The keyword at path '{path}' in the {reader} schema demands more properties than in the {writer} schema",
        "Demand no more properties than before.";
    DEPENDENCY_ARRAY_NARROWED: Harmless,
        "A dependency may demand fewer properties.",
        "The keyword at path '{path}' in the {reader} schema demands fewer properties than in the {writer} schema";
    DEPENDENCY_ARRAY_CHANGED: Breaking,
        "A dependency demands no other properties.",
        "The keyword at path '{path}' in the {reader} schema demands other properties than in the {writer} schema",
        "Demand no other properties than before.";
    DEPENDENCY_SCHEMA_ADDED: Breaking,
        "A property gets no dependency on a schema.",
        "The keyword at path '{path}' in the {reader} schema is not present in the {writer} schema",
        "Drop the dependency.";
    DEPENDENCY_SCHEMA_REMOVED: Harmless,
        "A dependency on a schema may be dropped.",
        "The keyword at path '{path}' in the {writer} schema is not present in the {reader} schema";
    OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL: Undeclared,
        "A property is not added where any property was allowed, because data may hold it with another type.",
        "The {reader} schema has an open content model and has an optional property at path '{path}' which is missing in the {writer} schema",
        "Set \"additionalProperties\" to false before adding properties, or let compatibilityPolicy LENIENT pass it.";
    REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL: Breaking,
        "A required property is not added where any property was allowed, because data may lack it or hold it with another type.",
        "The {reader} schema has an open content model and has a required property at path '{path}' which is missing in the {writer} schema",
        "Leave the property out of \"required\", and set \"additionalProperties\" to false before adding properties.";
    REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL: Closed,
        "A required property with a default is not added where any property was allowed, because data may hold it with another type, and validators do not fill a default in.",
        "The {reader} schema has an open content model and has a required property with a default at path '{path}' which is missing in the {writer} schema",
        "Leave the property out of \"required\", and set \"additionalProperties\" to false before adding properties.";
    PROPERTY_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL: Harmless,
        "A property that may be anything may be added where any property was allowed.",
        "The {reader} schema has an open content model and has a property with an empty schema at path '{path}' which is missing in the {writer} schema";
    REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL: Breaking,
        "An added property is optional, because data lacks it.",
        "The {reader} schema has an unopen content model and has a required property at path '{path}' which is missing in the {writer} schema",
        "Leave the property out of \"required\".";
    REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_UNOPEN_CONTENT_MODEL: Trusting,
        "An added property is required only with a default, and validators do not fill that in.",
        "The {reader} schema has an unopen content model and has a required property with a default at path '{path}' which is missing in the {writer} schema",
        "Leave the property out of \"required\".";
    OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL: Harmless,
        "An optional property may be added where no other property was allowed.",
        "The {reader} schema has an unopen content model and has an optional property at path '{path}' which is missing in the {writer} schema";
    PROPERTY_REMOVED_FROM_OPEN_CONTENT_MODEL: Harmless,
        "A property may be removed where any property is allowed.",
        "The {reader} schema has an open content model and is missing a property or item at path '{path}' which is present in the {writer} schema";
    PROPERTY_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL: Harmless,
        "A property that could not be there may be removed.",
        "The {reader} schema has a closed content model and is missing a property with a false schema at path '{path}' which is present in the {writer} schema";
    PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL: Closed,
        "A property is not removed where no other property is allowed, because data may hold it.",
        "The {reader} schema has a closed content model and is missing a property or item at path '{path}' which is present in the {writer} schema",
        "Keep the property, maybe as \"property\": true, or let compatibilityPolicy LENIENT pass it.";
    PROPERTY_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL: Harmless,
        "A property may be added that accepts what was allowed in its place.",
        "The {reader} schema has a property at path '{path}' which the partially open content model of the {writer} schema covers";
    PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL: Breaking,
        "An added property accepts what was allowed in its place.",
        "The {reader} schema has a property at path '{path}' which the partially open content model of the {writer} schema does not cover",
        "Let the property accept what additionalProperties or patternProperties allowed.";
    PROPERTY_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL: Harmless,
        "A property may be removed when what is allowed in its place accepts it.",
        "The {reader} schema is missing a property at path '{path}' which its partially open content model covers";
    PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL: Breaking,
        "A property is removed only when what is allowed in its place accepts it.",
        "The {reader} schema is missing a property at path '{path}' which its partially open content model does not cover",
        "Keep the property.";
    ADDITIONAL_PROPERTIES_ADDED: Harmless,
        "Further properties may be allowed.",
        "The keyword at path '{path}' in the {reader} schema allows properties which the {writer} schema does not";
    ADDITIONAL_PROPERTIES_REMOVED: Undeclared,
        "Further properties stay allowed.",
        "The keyword at path '{path}' in the {reader} schema forbids properties which the {writer} schema allows",
        "Leave additionalProperties as it was.";
    ADDITIONAL_PROPERTIES_EXTENDED: Harmless,
        "More may be allowed of further properties.",
        "The keyword at path '{path}' in the {reader} schema is less restrictive than in the {writer} schema";
    ADDITIONAL_PROPERTIES_NARROWED: Closed,
        "No more is demanded of further properties than was.",
        "The keyword at path '{path}' in the {reader} schema is more restrictive than in the {writer} schema",
        "Leave additionalProperties as it was.";
    UNEVALUATED_PROPERTIES_ADDED: Harmless,
        "Further properties may be allowed.",
        "The keyword at path '{path}' in the {reader} schema allows properties which the {writer} schema does not";
    UNEVALUATED_PROPERTIES_REMOVED: Undeclared,
        "Further properties stay allowed.",
        "The keyword at path '{path}' in the {reader} schema forbids properties which the {writer} schema allows",
        "Leave unevaluatedProperties as it was.";
    UNEVALUATED_PROPERTIES_EXTENDED: Harmless,
        "More may be allowed of further properties.",
        "The keyword at path '{path}' in the {reader} schema is less restrictive than in the {writer} schema";
    UNEVALUATED_PROPERTIES_NARROWED: Closed,
        "No more is demanded of further properties than was.",
        "The keyword at path '{path}' in the {reader} schema is more restrictive than in the {writer} schema",
        "Leave unevaluatedProperties as it was.";
    ADDITIONAL_ITEMS_ADDED: Harmless,
        "Further items may be allowed.",
        "The keyword at path '{path}' in the {reader} schema allows items which the {writer} schema does not";
    ADDITIONAL_ITEMS_REMOVED: Breaking,
        "Further items stay allowed.",
        "The keyword at path '{path}' in the {reader} schema forbids items which the {writer} schema allows",
        "Leave additionalItems as it was.";
    ADDITIONAL_ITEMS_EXTENDED: Harmless,
        "More may be allowed of further items.",
        "The keyword at path '{path}' in the {reader} schema is less restrictive than in the {writer} schema";
    ADDITIONAL_ITEMS_NARROWED: Breaking,
        "No more is demanded of further items than was.",
        "The keyword at path '{path}' in the {reader} schema is more restrictive than in the {writer} schema",
        "Leave additionalItems as it was.";
    UNEVALUATED_ITEMS_ADDED: Harmless,
        "Further items may be allowed.",
        "The keyword at path '{path}' in the {reader} schema allows items which the {writer} schema does not";
    UNEVALUATED_ITEMS_REMOVED: Breaking,
        "Further items stay allowed.",
        "The keyword at path '{path}' in the {reader} schema forbids items which the {writer} schema allows",
        "Leave unevaluatedItems as it was.";
    UNEVALUATED_ITEMS_EXTENDED: Harmless,
        "More may be allowed of further items.",
        "The keyword at path '{path}' in the {reader} schema is less restrictive than in the {writer} schema";
    UNEVALUATED_ITEMS_NARROWED: Breaking,
        "No more is demanded of further items than was.",
        "The keyword at path '{path}' in the {reader} schema is more restrictive than in the {writer} schema",
        "Leave unevaluatedItems as it was.";
    PATTERN_PROPERTY_ADDED: Meaning,
        "A pattern for properties is not added where any property was allowed.",
        "The {reader} schema has properties by pattern at path '{path}' which are missing in the {writer} schema",
        "Drop the pattern.";
    ITEM_ADDED_TO_OPEN_CONTENT_MODEL: Undeclared,
        "An item is not added where any item was allowed, because data may hold another there.",
        "The {reader} schema has an open content model and has a property or item at path '{path}' which is missing in the {writer} schema",
        "Allow anything in the new place.";
    ITEM_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL: Harmless,
        "An item that may be anything may be added where any item was allowed.",
        "The {reader} schema has an open content model and has an item with an empty schema at path '{path}' which is missing in the {writer} schema";
    ITEM_ADDED_TO_CLOSED_CONTENT_MODEL: Harmless,
        "An item may be added where no further item was allowed.",
        "The {reader} schema has a closed content model and has an item at path '{path}' which is missing in the {writer} schema";
    ITEM_REMOVED_FROM_OPEN_CONTENT_MODEL: Harmless,
        "An item may be removed where any item is allowed.",
        "The {reader} schema has an open content model and is missing a property or item at path '{path}' which is present in the {writer} schema";
    ITEM_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL: Harmless,
        "An item that could not be there may be removed.",
        "The {reader} schema has a closed content model and is missing an item with a false schema at path '{path}' which is present in the {writer} schema";
    ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL: Breaking,
        "An item is not removed where no further item is allowed, because data may hold it.",
        "The {reader} schema has a closed content model and is missing a property or item at path '{path}' which is present in the {writer} schema",
        "Keep the item.";
    ITEM_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL: Harmless,
        "An item may be added that accepts what was allowed in its place.",
        "The {reader} schema has an item at path '{path}' which the partially open content model of the {writer} schema covers";
    ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL: Breaking,
        "An added item accepts what was allowed in its place.",
        "The {reader} schema has an item at path '{path}' which the partially open content model of the {writer} schema does not cover",
        "Let the item accept what was allowed in its place.";
    ITEM_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL: Harmless,
        "An item may be removed when what is allowed in its place accepts it.",
        "The {reader} schema is missing an item at path '{path}' which its partially open content model covers";
    ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL: Breaking,
        "An item is removed only when what is allowed in its place accepts it.",
        "The {reader} schema is missing an item at path '{path}' which its partially open content model does not cover",
        "Keep the item.";
    CONDITION_CHANGED: Trusting,
        "if, then and else stay as they are or go together.",
        "The condition at path '{path}' in the {reader} schema does not match the {writer} schema",
        "Keep if, then and else, or drop them together.";
    COMPARISON_TOO_LARGE: Breaking,
        "Two versions are compared within a bounded number of steps.",
        "The schemas at path '{path}' are too complex to compare within {limit} steps; simplify their oneOf and anyOf",
        "Simplify oneOf and anyOf, or the recursion between definitions.";
}
