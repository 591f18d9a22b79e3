//! Bodies of the functions that write and read the enum of a union.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use crate::rust::codec::{Operand, endless, read, write};
use crate::rust::shape::{Union, unsuffixed};

/// The body of the `write` of a union's enum.
pub(crate) fn write_branches(union: &Union) -> TokenStream {
    let arms = union.branches.iter().map(|branch| {
        let (variant, index) = (&branch.variant, unsuffixed(branch.index));
        let body = write(&branch.shape, &Operand::value());
        quote! {
            Self::#variant(value) => {
                to.branch(#index);
                #body
            }
        }
    });
    quote!(match self { #(#arms)* })
}

/// The body of the `read` of a union's enum without `null`.
pub(crate) fn read_branches(union: &Union) -> TokenStream {
    if union.is_endless() {
        let read = endless::read_union(union, &quote!(self), &quote!(from));
        return quote! {
            #read
            Ok(())
        };
    }
    let count = unsuffixed(union.count);
    let last = union.branches.len().saturating_sub(1);
    let arms = union.branches.iter().enumerate().map(|(position, branch)| {
        let variant = &branch.variant;
        let value = read(&branch.shape, &quote!(from));
        // The source checked the index: whatever is left is the last branch.
        let index = if position == last {
            quote!(_)
        } else {
            unsuffixed(branch.index).into_token_stream()
        };
        quote!(#index => Self::#variant(#value),)
    });
    quote! {
        *self = match from.branch(#count)? { #(#arms)* };
        Ok(())
    }
}
