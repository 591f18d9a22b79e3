//! CEL: expressions over values of any schema, for folds and for rules.
//!
//! The language is CEL's surface on our own values, so that decimals and times are exact; what a name stands for is the
//! caller's ([`Names`] when a text is lowered, [`Roots`] when it runs). What an expression costs can be bounded
//! ([`Budget`]), for values that come from outside.

mod arithmetic;
mod each;
mod eval;
mod expr;
mod fault;
mod format;
mod function;
mod lower;
mod rule;
mod scope;
mod shape;
mod times;

pub use arithmetic::{Arithmetic, exact, negated_shape};
#[cfg(any(feature = "avro", feature = "proto"))]
pub(crate) use eval::text;
pub use eval::{equal, evaluate, holds, order, shown};
pub use expr::{Comparison, Each, Node, Path, Root};
pub use format::Format;
pub use function::Function;
pub use lower::{Names, lower};
pub use rule::RuleText;
pub use scope::{Budget, Roots, Scope, VALUE_DEPTH_MAX};
pub use shape::Shape;
pub use times::Part;
#[cfg(any(feature = "avro", feature = "proto"))]
pub(crate) use times::instant;
