//! Avro types with their Rust names decided: what types, writers and readers are printed from.
//!
//! Invariant: a [`Shape`] keeps every branch index of the schema, so unions are told apart by index and never by
//! looks. `["null", T]` in either order is an `Option`; any other union is an enum of its own, named after the field
//! it belongs to, with `null` taken out into an `Option` around it.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::model::{Type, holds_itself, rank, recurs};
use crate::names::Scope;
use crate::rust::module::{Here, ident};
use crate::rust::scalar::Scalar;
use crate::settings::Decimals;

/// A type of Rust and how its bytes are written.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// No value: `()`.
    Null,
    /// One value of a kind the wire knows.
    Scalar(Scalar),
    /// A `Vec`.
    Array(Box<Shape>),
    /// A `BTreeMap` from strings.
    Map(Box<Shape>),
    /// The entries of a map whose keys are borrowed.
    Entries(Box<Shape>),
    /// A generated struct, enum or fixed.
    Named {
        /// Its path from here.
        path: TokenStream,
        /// Its full name.
        name: String,
        /// Whether it is boxed, because it leads back to where it is stored.
        boxed: bool,
        /// Whether it borrows.
        borrowed: bool,
        /// Whether both it and the record it is stored in can hold themselves.
        endless: bool,
    },
    /// A union.
    Union(Union),
}

/// A union.
#[derive(Clone, Debug)]
pub(crate) struct Union {
    /// How many branches the schema has.
    pub(crate) count: usize,
    /// The index of the branch `null`, if there is one.
    pub(crate) null: Option<usize>,
    /// The enum of the other branches; `None` when there is one or none of them and `null` besides.
    pub(crate) name: Option<Ident>,
    /// The field it belongs to.
    pub(crate) field: String,
    /// Whether its enum borrows.
    pub(crate) borrowed: bool,
    /// The other branches.
    pub(crate) branches: Vec<Branch>,
}

impl Union {
    /// Whether a branch of it can lead back to the record it is of.
    pub(crate) fn is_endless(&self) -> bool {
        self.branches.iter().any(|branch| branch.shape.is_endless())
    }
}

/// A branch that is not `null`.
#[derive(Clone, Debug)]
pub(crate) struct Branch {
    /// Its place in the schema.
    pub(crate) index: usize,
    /// The variant, when the union is an enum.
    pub(crate) variant: Ident,
    /// What it holds.
    pub(crate) shape: Shape,
    /// How far away a value of it is; nothing where there is none. The nearest branch is the default.
    pub(crate) rank: Option<usize>,
}

/// Turns types into shapes, and collects the unions that need an enum.
pub(crate) struct Shaper<'a> {
    /// Where the types stand.
    pub(crate) here: &'a Here<'a>,
    /// Names taken in the module.
    pub(crate) scope: &'a mut Scope,
    /// Whether the record that they are of can hold itself.
    pub(crate) holds_itself: bool,
    /// The field whose type is at hand.
    pub(crate) field: String,
    /// Unions met so far that need an enum, in order.
    pub(crate) unions: Vec<Union>,
}

impl Shaper<'_> {
    /// The shape of a type.
    ///
    /// `owner` is the record it is stored in, until an array or a map stores it elsewhere; `hint` names a union.
    pub(crate) fn shape(&mut self, kind: &Type, owner: Option<&str>, hint: &str) -> Shape {
        let scalar = match kind {
            Type::Null => return Shape::Null,
            Type::Array(item) => {
                return Shape::Array(Box::new(self.shape(item, None, &format!("{hint}Item"))));
            }
            Type::Map(value) => {
                return Shape::Map(Box::new(self.shape(value, None, &format!("{hint}Value"))));
            }
            Type::Named(name) => {
                let boxed = owner.is_some_and(|owner| recurs(self.here.definitions, owner, kind));
                return Shape::Named {
                    path: self.here.path_to(name),
                    name: name.clone(),
                    boxed,
                    borrowed: false,
                    endless: self.holds_itself && holds_itself(self.here.definitions, name),
                };
            }
            Type::Union(branches) => return Shape::Union(self.union(branches, owner, hint)),
            Type::Boolean => Scalar::Boolean,
            Type::Int => Scalar::Int,
            Type::Long => Scalar::Long,
            Type::Float => Scalar::Float,
            Type::Double => Scalar::Double,
            Type::Bytes => Scalar::Bytes,
            Type::String => Scalar::String,
            Type::Decimal {
                precision,
                scale,
                fixed,
            } => Scalar::Decimal {
                precision: *precision,
                scale: *scale,
                fixed: *fixed,
                is_own: self.here.settings.decimals == Decimals::Own,
            },
            Type::BigDecimal => Scalar::BigDecimal,
            Type::Logical(logical) => Scalar::Logical(*logical),
        };
        Shape::Scalar(scalar)
    }

    fn union(&mut self, kinds: &[Type], owner: Option<&str>, hint: &str) -> Union {
        let null = kinds.iter().position(|kind| *kind == Type::Null);
        let others = || kinds.iter().enumerate().filter(|(index, _)| Some(*index) != null);
        // The union's own enum comes before those of its branches.
        let needs_enum = others().count() > 1 || null.is_none();
        let name = needs_enum.then(|| ident(&self.scope.camel(hint)));
        let mut variants = Scope::default();
        let branches = others()
            .map(|(index, kind)| Branch {
                index,
                variant: ident(&variants.camel(&branch_name(kind))),
                shape: self.shape(kind, owner, &format!("{hint}{}", branch_name(kind))),
                rank: rank(self.here.ranks, kind),
            })
            .collect();
        let union = Union {
            count: kinds.len(),
            null,
            name,
            field: self.field.clone(),
            borrowed: false,
            branches,
        };
        self.unions.extend(needs_enum.then(|| union.clone()));
        union
    }
}

/// What a union branch is called: a named type by its name, another by its kind.
fn branch_name(kind: &Type) -> String {
    let name = match kind {
        Type::Null => "Null",
        Type::Boolean => "Boolean",
        Type::Int => "Int",
        Type::Long => "Long",
        Type::Float => "Float",
        Type::Double => "Double",
        Type::Bytes => "Bytes",
        Type::String => "String",
        Type::Decimal { .. } => "Decimal",
        Type::BigDecimal => "Decimal",
        Type::Logical(logical) => logical.type_name(),
        Type::Array(_) => "Array",
        Type::Map(_) => "Map",
        Type::Union(_) => "Union",
        Type::Named(name) => name.rsplit_once('.').map_or(name.as_str(), |(_, simple)| simple),
    };
    name.to_owned()
}

impl Shape {
    /// Whether its one value is `()`.
    pub(crate) fn is_unit(&self) -> bool {
        match self {
            Shape::Null => true,
            Shape::Union(union) => union.branches.is_empty(),
            _ => false,
        }
    }

    /// Whether a value is handed over in a register or two.
    pub(crate) fn is_word(&self) -> bool {
        match self {
            Shape::Scalar(scalar) => !matches!(
                scalar,
                Scalar::Bytes
                    | Scalar::String
                    | Scalar::Slice
                    | Scalar::Str
                    | Scalar::Decimal { .. }
                    | Scalar::BigDecimal
            ),
            other => other.is_unit(),
        }
    }

    /// Whether it is boxed and borrows: there is no blank value of it to read into.
    pub(crate) fn is_borrowed_box(&self) -> bool {
        matches!(
            self,
            Shape::Named {
                boxed: true,
                borrowed: true,
                ..
            }
        )
    }

    /// Whether it can lead back to the record it is of.
    pub(crate) fn is_endless(&self) -> bool {
        match self {
            Shape::Null | Shape::Scalar(_) => false,
            Shape::Array(inner) | Shape::Map(inner) | Shape::Entries(inner) => inner.is_endless(),
            Shape::Named { endless, .. } => *endless,
            Shape::Union(union) => union.is_endless(),
        }
    }

    /// Whether some of it borrows.
    pub(crate) fn borrows(&self) -> bool {
        match self {
            Shape::Null => false,
            Shape::Scalar(scalar) => matches!(scalar, Scalar::Slice | Scalar::Str),
            Shape::Array(inner) | Shape::Map(inner) => inner.borrows(),
            Shape::Entries(_) => true,
            Shape::Named { borrowed, .. } => *borrowed,
            Shape::Union(union) => union.branches.iter().any(|branch| branch.shape.borrows()),
        }
    }

    /// The type as Rust writes it.
    pub(crate) fn rust(&self, here: &Here<'_>) -> TokenStream {
        match self {
            Shape::Null => quote!(()),
            Shape::Scalar(scalar) => scalar.rust(here),
            Shape::Array(item) => {
                let item = item.rust(here);
                quote!(Vec<#item>)
            }
            Shape::Map(value) => {
                let value = value.rust(here);
                quote!(::std::collections::BTreeMap<String, #value>)
            }
            Shape::Entries(value) => {
                let value = value.rust(here);
                quote!(Vec<(&'a str, #value)>)
            }
            Shape::Named {
                path,
                boxed,
                borrowed,
                ..
            } => {
                let lifetime = borrowed.then(|| quote!(<'a>));
                if *boxed {
                    quote!(Box<#path #lifetime>)
                } else {
                    quote!(#path #lifetime)
                }
            }
            Shape::Union(union) => {
                let lifetime = union.borrowed.then(|| quote!(<'a>));
                let inner = match (&union.name, union.branches.as_slice()) {
                    (Some(name), _) => quote!(#name #lifetime),
                    (None, [branch]) => branch.shape.rust(here),
                    (None, _) => return quote!(()),
                };
                if union.null.is_some() {
                    quote!(Option<#inner>)
                } else {
                    inner
                }
            }
        }
    }
}

/// A number without a type behind it.
pub(crate) fn unsuffixed(number: usize) -> proc_macro2::Literal {
    proc_macro2::Literal::usize_unsuffixed(number)
}
