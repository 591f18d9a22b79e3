//! How far references are followed, and how many.

use super::*;

/// Registers a schema that refers to these subjects, each under its name.
fn refers(desk: &mut Desk, subject: &str, to: &[String]) -> Result<(u32, u32), RegistryError> {
    let references = to.iter().map(|name| reference(name, name, 1)).collect();
    let of = RegisterRequest {
        references,
        ..schema(subject)
    };
    desk.register(subject, &of)
}

#[test]
fn references_reach_only_so_far() {
    // A chain of as many levels as are followed, and one more.
    let mut desk = Desk::default();
    refers(&mut desk, "S0", &[]).unwrap();
    for level in 1..=64 {
        refers(&mut desk, &format!("S{level}"), &[format!("S{}", level - 1)]).unwrap();
    }
    let past = refers(&mut desk, "S65", &["S64".to_owned()]);
    assert_refused(past, "InvalidSchema", "more than 64 levels down");

    // As many as one may be built from, and one more.
    let mut desk = Desk::default();
    let names: Vec<String> = (0..=1_000).map(|number| format!("N{number}")).collect();
    for name in &names {
        refers(&mut desk, name, &[]).unwrap();
    }
    refers(&mut desk, "All", &names[..1_000]).unwrap();
    let past = refers(&mut desk, "More", &names);
    assert_refused(past, "InvalidSchema", "more than 1000 schemas");
}
