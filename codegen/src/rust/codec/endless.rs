//! Statements that read records, and unions that lead back to the record they are in.
//!
//! A record that can hold itself is read in recursion. Invariant: what a level of it takes of the stack does not grow with the
//! fields and branches that do not lead back, nor with the size of the record, in builds that are not optimised either:
//! they are read apart, in functions that have returned before the next level begins.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};

use crate::rust::codec::{Operand, read, read_into};
use crate::rust::shape::{Branch, Shape, Union, unsuffixed};

/// So many fields are not worth a call.
const FEW: usize = 2;

/// So many fields are read by one: what it takes of the stack, where nothing is optimised, grows with them.
const APART: usize = 100;

/// So many fields that lead back are read where the others are begun.
const MANY: usize = 8;

/// The body of the `read` of a record.
pub(crate) fn read_record(idents: &[Ident], shapes: &[Shape], holds_itself: bool) -> TokenStream {
    let fields: Vec<(&Ident, &Shape)> = idents.iter().zip(shapes).collect();
    if !holds_itself {
        let reads = read_fields(&fields, &quote!(self));
        return quote! {
            let outer = from.begin()?;
            #reads
            from.end(outer)
        };
    }
    let crowded = shapes.iter().filter(|shape| shape.is_endless()).count() > MANY;
    let runs = fields.chunk_by(|(_, shape), (_, next)| !shape.is_endless() && !next.is_endless());
    let reads = runs.flat_map(|run| run.chunks(APART)).map(|run| {
        let leads_back = run.iter().any(|(_, shape)| shape.is_endless());
        let is_apart = if leads_back { crowded } else { run.len() > FEW };
        if is_apart {
            let reads = read_fields(run, &quote!(value));
            quote! {
                from.apart(self, |from, value| {
                    #reads
                    Ok(())
                })?;
            }
        } else {
            read_fields(run, &quote!(self))
        }
    });
    quote! {
        from.descend()?;
        let outer = from.begin()?;
        #(#reads)*
        from.end(outer)?;
        from.ascend();
        Ok(())
    }
}

fn read_fields(fields: &[(&Ident, &Shape)], record: &TokenStream) -> TokenStream {
    let reads = fields.iter().map(|(field, shape)| {
        let place = Operand::place(quote!(#record.#field));
        read_into(shape, &place, &quote!(from.field()?))
    });
    reads.collect()
}

/// Statements that read a union into what `into` refers to.
pub(super) fn read_union(union: &Union, into: &TokenStream, from: &TokenStream) -> TokenStream {
    let count = unsuffixed(union.count);
    let variant = |branch: &Branch, value: &TokenStream| {
        let variant = &branch.variant;
        match &union.name {
            Some(name) if union.null.is_some() => quote!(Some(#name::#variant(#value))),
            _ => quote!(Self::#variant(#value)),
        }
    };
    let (endless, plain): (Vec<&Branch>, Vec<&Branch>) = union
        .branches
        .iter()
        .partition(|branch| branch.shape.is_endless());
    let mut values: Vec<(TokenStream, TokenStream)> = plain
        .iter()
        .map(|branch| {
            let index = unsuffixed(branch.index).into_token_stream();
            (index, variant(branch, &read(&branch.shape, &quote!(from))))
        })
        .collect();
    if union.null.is_some() {
        values.push((
            quote!(_),
            quote!({
                from.null()?;
                None
            }),
        ));
    }
    let is_last = |position: usize| values.is_empty() && position + 1 == endless.len();
    let arms = endless.iter().enumerate().map(|(position, branch)| {
        let index = unsuffixed(branch.index).into_token_stream();
        // The source checked the index: whatever is left is the last branch.
        let index = if is_last(position) { quote!(_) } else { index };
        let place = variant(branch, &quote!(value));
        if branch.shape.is_borrowed_box() {
            return quote!(#index => {
                let value = from.borrowed_box()?;
                from.apart(#into, |_, into| {
                    *into = #place;
                    Ok(())
                })?;
            });
        }
        let read = read_into(&branch.shape, &Operand::value(), &quote!(from));
        let read = if union.null.is_none() && union.branches.len() == 1 {
            quote!(let #place = #into; #read)
        } else {
            quote!(if let #place = #into { #read })
        };
        let variant = &branch.variant;
        let choice = if union.null.is_none() {
            quote!(Self::#variant)
        } else {
            quote!(|value| #place)
        };
        quote!(#index => {
            from.choose(#into, #choice);
            #read
        })
    });
    let plain = plain_arm(&values, into);
    quote!(match #from.branch(#count)? {
        #(#arms)*
        #plain
    })
}

/// What is read apart: values by their indexes, the last of which is all that is left.
fn plain_arm(values: &[(TokenStream, TokenStream)], into: &TokenStream) -> TokenStream {
    let Some(((_, last), values)) = values.split_last() else {
        return TokenStream::new();
    };
    let arms = values.iter().map(|(index, value)| quote!(#index => #value,));
    let (index, value) = if values.is_empty() {
        (quote!(_), last.clone())
    } else {
        (quote!(index), quote!(match index { #(#arms)* _ => #last }))
    };
    quote!(#index => from.apart(#into, |from, value| {
        *value = #value;
        Ok(())
    })?,)
}
