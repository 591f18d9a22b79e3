//! Attributes that a user asked for stand where they are wanted, and nowhere else.

use annals_codegen::{Build, configure};

fn printed(build: &Build) -> String {
    build.generate().unwrap_or_else(|wrong| panic!("{wrong}"))
}

#[test]
fn attributes_stand_on_what_their_path_matches() {
    let build = configure()
        .schemas("tests/sets")
        .type_attribute(".shop", "#[must_use]")
        .type_attribute("R.either", "#[repr(u8)]")
        .type_attribute("Suit", "#[non_exhaustive]")
        .field_attribute("Buyer.name", "#[doc(alias = \"called\")] #[doc(hidden)]");
    let printed = printed(&build);
    let count = |text: &str| printed.matches(text).count();
    assert_eq!(
        count("#[must_use]"),
        7,
        "two kinds of orders, of buyers and of addresses, and the order as it was"
    );
    assert_eq!(count("#[repr(u8)]\n    pub enum REither {"), 1);
    assert_eq!(count("#[non_exhaustive]\n    pub enum Suit {"), 1);
    assert_eq!(count("#[doc(hidden)]"), 2);
    assert_eq!(count("#[doc(alias = \"called\")]"), 2);
}

#[test]
fn what_is_no_attribute_is_said() {
    let build = configure()
        .schemas("tests/sets")
        .type_attribute(".", "derive(Ord)");
    let wrong = build.generate().unwrap_err();
    let message = wrong.to_string();
    assert!(
        message.contains("the attribute `derive(Ord)` is none"),
        "{message}"
    );
}
