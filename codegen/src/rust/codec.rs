//! Statements that write a value of a shape, and expressions that read one.
//!
//! Invariant: what is written is what the schema says, in its order, and reading undoes it. Printed code calls the writer
//! `to` and the source `from`.

mod branches;
mod endless;

use proc_macro2::{Ident, TokenStream};
use quote::quote;

pub(crate) use branches::{read_branches, write_branches};
pub(crate) use endless::read_record;

use crate::rust::scalar::Scalar;
use crate::rust::shape::{Shape, Union, unsuffixed};

/// An expression whose value is written.
pub(crate) struct Operand {
    expression: TokenStream,
    is_reference: bool,
}

impl Operand {
    /// A place, such as `self.total`.
    pub(crate) fn place(expression: TokenStream) -> Operand {
        Operand {
            expression,
            is_reference: false,
        }
    }

    /// A reference called `value`: an item, an entry, the content of an option.
    pub(crate) fn value() -> Operand {
        Operand {
            expression: quote!(value),
            is_reference: true,
        }
    }

    /// A reference through which it is written to.
    fn mutable(&self) -> TokenStream {
        let expression = &self.expression;
        if self.is_reference {
            expression.clone()
        } else {
            quote!(&mut #expression)
        }
    }

    /// Whether it is a reference to what it stands for.
    pub(crate) fn is_reference(&self) -> bool {
        self.is_reference
    }

    /// What methods are called on.
    pub(crate) fn receiver(&self) -> TokenStream {
        self.expression.clone()
    }

    pub(crate) fn borrowed(&self) -> TokenStream {
        let expression = &self.expression;
        if self.is_reference {
            expression.clone()
        } else {
            quote!(&#expression)
        }
    }

    pub(crate) fn copied(&self) -> TokenStream {
        let expression = &self.expression;
        if self.is_reference {
            quote!(*#expression)
        } else {
            expression.clone()
        }
    }
}

/// A statement that writes an operand.
pub(crate) fn write(shape: &Shape, operand: &Operand) -> TokenStream {
    let borrowed = operand.borrowed();
    match shape {
        Shape::Null => quote!(),
        Shape::Scalar(scalar) => write_scalar(*scalar, operand),
        Shape::Array(item) => {
            let closure = write_closure(item);
            quote!(to.array(#borrowed, #closure);)
        }
        Shape::Map(entry) | Shape::Entries(entry) => {
            let closure = write_closure(entry);
            quote!(to.map(#borrowed, #closure);)
        }
        Shape::Named { .. } => quote!(to.datum(#borrowed);),
        Shape::Union(union) => write_union(union, operand),
    }
}

/// A closure that writes an item or an entry.
fn write_closure(shape: &Shape) -> TokenStream {
    let body = write(shape, &Operand::value());
    match shape {
        Shape::Null => quote!(|_, _| {}),
        // There is nothing in the value to look at.
        Shape::Union(union) if union.branches.is_empty() => quote!(|to, _| { #body }),
        _ => quote!(|to, value| { #body }),
    }
}

fn write_scalar(scalar: Scalar, operand: &Operand) -> TokenStream {
    let (borrowed, copied) = (operand.borrowed(), operand.copied());
    let method = scalar.method();
    match scalar {
        Scalar::Decimal {
            fixed: Some(size), ..
        } => {
            let (size, method) = (unsuffixed(size), scalar.decimal_method("decimal_padded"));
            quote!(to.#method(#borrowed, #size);)
        }
        Scalar::Bytes
        | Scalar::String
        | Scalar::Slice
        | Scalar::Str
        | Scalar::Decimal { .. }
        | Scalar::BigDecimal => {
            quote!(to.#method(#borrowed);)
        }
        _ => quote!(to.#method(#copied);),
    }
}

fn write_union(union: &Union, operand: &Operand) -> TokenStream {
    let borrowed = operand.borrowed();
    let null = union.null.map(|index| {
        let index = unsuffixed(index);
        quote!(to.branch(#index))
    });
    match (null, &union.name, union.branches.as_slice()) {
        (None, ..) => quote!(to.datum(#borrowed);),
        (Some(null), _, []) => quote!(#null;),
        (Some(null), None, [branch]) => {
            let (index, body) = (unsuffixed(branch.index), write(&branch.shape, &Operand::value()));
            quote! {
                match #borrowed {
                    Some(value) => {
                        to.branch(#index);
                        #body
                    }
                    None => #null,
                }
            }
        }
        (Some(null), ..) => quote! {
            match #borrowed {
                Some(value) => value.write(to),
                None => #null,
            }
        },
    }
}

/// A statement that reads a value of this shape into a place, from what `from` stands for, with `?` inside.
///
/// What is more than a word goes where it is to be at once: handed up through results it would be moved at every step.
pub(crate) fn read_into(shape: &Shape, into: &Operand, from: &TokenStream) -> TokenStream {
    if let Some(call) = read_into_call(shape, into) {
        return quote!(#from.#call?;);
    }
    if let Shape::Union(union) = shape
        && union.name.is_some()
        && union.is_endless()
    {
        return endless::read_union(union, &into.mutable(), from);
    }
    let (value, assigned) = (read(shape, from), into.copied());
    if shape.is_unit() {
        quote!(#value;)
    } else {
        quote!(#assigned = #value;)
    }
}

/// Reads what there is no record around.
pub(crate) fn read_bare(idents: &[Ident], shapes: &[Shape]) -> TokenStream {
    let reads = idents.iter().zip(shapes).map(|(field, shape)| {
        let place = Operand::place(quote!(self.#field));
        read_into(shape, &place, &quote!(from))
    });
    quote!(#(#reads)* Ok(()))
}

/// A call on a source that reads a value of this shape into a place; nothing when the value is handed over.
fn read_into_call(shape: &Shape, into: &Operand) -> Option<TokenStream> {
    let into = into.mutable();
    Some(match shape {
        Shape::Scalar(Scalar::String) => quote!(string_into(#into)),
        Shape::Scalar(Scalar::Bytes) => quote!(bytes_into(#into)),
        Shape::Scalar(Scalar::Str) => quote!(str_into(#into)),
        Shape::Scalar(Scalar::Slice) => quote!(slice_into(#into)),
        // What has no blank value is handed over.
        Shape::Named {
            borrowed: true,
            boxed: true,
            ..
        } => return None,
        Shape::Named { borrowed: true, .. } => quote!(borrowed_into(#into)),
        Shape::Named { .. } => quote!(datum_into(#into)),
        Shape::Array(item) if !item.is_word() => {
            let item = read_into_function(item);
            quote!(array_into(#into, #item))
        }
        Shape::Map(value) if !value.is_word() => {
            let value = read_into_function(value);
            quote!(map_into(#into, #value))
        }
        Shape::Entries(value) if !value.is_word() => {
            let value = read_into_function(value);
            quote!(borrowed_map_into(#into, #value))
        }
        Shape::Union(union) => match (union.null, &union.name, union.branches.as_slice()) {
            (None, Some(_), _) if union.borrowed => quote!(borrowed_into(#into)),
            (None, Some(_), _) => quote!(datum_into(#into)),
            (Some(_), None, [branch]) if !branch.shape.is_word() && !branch.shape.is_borrowed_box() => {
                let (index, some) = (unsuffixed(branch.index), read_into_function(&branch.shape));
                quote!(option_into(#index, #into, #some))
            }
            _ => return None,
        },
        _ => return None,
    })
}

/// A function that reads a value of this shape from a source into a place.
fn read_into_function(shape: &Shape) -> TokenStream {
    let value = Operand::value();
    match shape {
        Shape::Scalar(Scalar::String) => quote!(S::string_into),
        Shape::Scalar(Scalar::Bytes) => quote!(S::bytes_into),
        Shape::Scalar(Scalar::Str) => quote!(S::str_into),
        Shape::Scalar(Scalar::Slice) => quote!(S::slice_into),
        Shape::Named { borrowed, .. }
        | Shape::Union(Union {
            null: None,
            name: Some(_),
            borrowed,
            ..
        }) => {
            if *borrowed {
                quote!(S::borrowed_into)
            } else {
                quote!(S::datum_into)
            }
        }
        other => match read_into_call(other, &value) {
            Some(call) => quote!(|from, value| from.#call),
            None => {
                let statement = read_into(other, &value, &quote!(from));
                quote!(|from, value| { #statement Ok(()) })
            }
        },
    }
}

/// A call on a source that reads a value of this shape, to be put behind the source.
fn read_call(shape: &Shape) -> Option<TokenStream> {
    Some(match shape {
        Shape::Null => quote!(null()),
        Shape::Scalar(scalar) => {
            let method = scalar.method();
            match scalar {
                Scalar::Decimal {
                    fixed: Some(size), ..
                } => {
                    let (size, method) = (unsuffixed(*size), scalar.decimal_method("decimal_fixed"));
                    quote!(#method(#size))
                }
                _ => quote!(#method()),
            }
        }
        Shape::Named {
            borrowed: true,
            boxed: true,
            ..
        } => quote!(borrowed_box()),
        Shape::Named { borrowed: true, .. } => quote!(borrowed()),
        Shape::Named { .. } => quote!(datum()),
        Shape::Array(item) => {
            let item = read_function(item);
            quote!(array(#item))
        }
        Shape::Map(value) => {
            let value = read_function(value);
            quote!(map(#value))
        }
        Shape::Entries(value) => {
            let value = read_function(value);
            quote!(borrowed_map(#value))
        }
        Shape::Union(union) => match (union.null, &union.name, union.branches.as_slice()) {
            (None, Some(_), _) if union.borrowed => quote!(borrowed()),
            (None, Some(_), _) => quote!(datum()),
            (Some(_), None, [branch]) => {
                let (index, some) = (unsuffixed(branch.index), read_function(&branch.shape));
                quote!(option(#index, #some))
            }
            _ => return None,
        },
    })
}

/// A function that reads a value of this shape from a source.
fn read_function(shape: &Shape) -> TokenStream {
    match shape {
        Shape::Null => quote!(S::null),
        Shape::Scalar(scalar) if !matches!(scalar, Scalar::Decimal { fixed: Some(_), .. }) => {
            let method = scalar.method();
            quote!(S::#method)
        }
        Shape::Named { borrowed: false, .. } => quote!(S::datum),
        Shape::Named {
            borrowed: true,
            boxed: false,
            ..
        } => quote!(S::borrowed),
        Shape::Union(Union {
            null: None,
            name: Some(_),
            borrowed,
            ..
        }) => {
            if *borrowed {
                quote!(S::borrowed)
            } else {
                quote!(S::datum)
            }
        }
        other => match read_call(other) {
            Some(call) => quote!(|from| from.#call),
            None => {
                let value = read_union(other, &quote!(from));
                quote!(|from| Ok(#value))
            }
        },
    }
}

/// An expression that reads a value of this shape from what `from` stands for, with `?` inside.
pub(crate) fn read(shape: &Shape, from: &TokenStream) -> TokenStream {
    match read_call(shape) {
        Some(call) => quote!(#from.#call?),
        None => read_union(shape, from),
    }
}

/// A union with `null` that is no plain option: its index is looked at here.
fn read_union(shape: &Shape, from: &TokenStream) -> TokenStream {
    let Shape::Union(union) = shape else {
        return TokenStream::new();
    };
    let count = unsuffixed(union.count);
    let Some(name) = union.name.as_ref().filter(|_| !union.branches.is_empty()) else {
        return quote!(#from.branch(#count).map(drop)?);
    };
    let arms = union.branches.iter().map(|branch| {
        let (index, variant) = (unsuffixed(branch.index), &branch.variant);
        let value = read(&branch.shape, &quote!(from));
        quote!(#index => Some(#name::#variant(#value)),)
    });
    // The source checked the index: whatever is left is the branch `null`.
    quote!(match #from.branch(#count)? {
        #(#arms)*
        _ => {
            from.null()?;
            None
        }
    })
}
