//! The table of limits is true: each default is what the source says, and each row is held by tests that there are.

use std::fs;
use std::path::Path;

use syn::{BinOp, Expr, Lit};

use crate::tidy::{root, sources};

/// A row of the table.
struct Row<'a> {
    limit: &'a str,
    default: &'a str,
    file: &'a str,
    name: &'a str,
    tests: Vec<&'a str>,
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn rows(text: &str) -> Vec<Row<'_>> {
    let cells =
        |line: &'_ str| -> Vec<String> { line.split('|').map(|cell| cell.trim().to_owned()).collect() };
    let mut rows = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        if line.contains("| in the source |") {
            continue;
        }
        assert_eq!(cells(line).len(), 7, "{line}");
        let mut parts = line.split('|').skip(1).map(str::trim);
        let mut next = || parts.next().unwrap();
        let (limit, default, _past, place, tests) = (next(), next(), next(), next(), next());
        let place = quoted(place);
        assert_eq!(place.len(), 2, "{limit}: a file, and a name in it");
        rows.push(Row {
            limit,
            default,
            file: place[0],
            name: place[1],
            tests: quoted(tests),
        });
    }
    rows
}

/// A default as people write it: bytes, milliseconds or a number; or two of them.
fn written(default: &str) -> Vec<u64> {
    default.split(" to ").map(one_written).collect()
}

fn one_written(default: &str) -> u64 {
    let (number, unit) = default.split_once(' ').unwrap_or((default, ""));
    let times = match unit {
        "" | "bytes" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "s" => 1_000,
        "min" => 60_000,
        "days" => 86_400_000,
        other => panic!("{other} is no unit of the table"),
    };
    number.replace(',', "").parse::<u64>().unwrap() * times
}

/// What a constant, or a field where it is given a value, comes to.
fn defined(source: &str, name: &str) -> Option<Vec<u64>> {
    let constant = format!("const {name}: ");
    let field = format!("{name}: ");
    source.lines().find_map(|line| {
        let line = line.trim();
        let value = match line.split_once(&constant) {
            Some((_, constant)) => constant.split_once(" = ")?.1.strip_suffix(';')?,
            None => line.strip_prefix(&field)?.strip_suffix(',')?,
        };
        computed(source, &syn::parse_str(value).ok()?)
    })
}

fn computed(source: &str, value: &Expr) -> Option<Vec<u64>> {
    let one = |value: &Expr| computed(source, value)?.first().copied();
    let one = match value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(number) => number.base10_parse().ok()?,
            _ => return None,
        },
        Expr::Paren(inner) => one(&inner.expr)?,
        Expr::Binary(both) => {
            let (left, right) = (one(&both.left)?, one(&both.right)?);
            match both.op {
                BinOp::Add(_) => left + right,
                BinOp::Mul(_) => left * right,
                BinOp::Shl(_) => left << right,
                _ => return None,
            }
        }
        Expr::Tuple(all) => return all.elems.iter().map(one).collect(),
        Expr::Path(path) => return defined(source, &path.path.segments.last()?.ident.to_string()),
        Expr::Call(call) => {
            let Expr::Path(function) = &*call.func else {
                return None;
            };
            let argument = one(call.args.first()?)?;
            match function.path.segments.last()?.ident.to_string().as_str() {
                "from_secs" => argument * 1_000,
                "from_millis" => argument,
                _ => return None,
            }
        }
        _ => return None,
    };
    Some(vec![one])
}

#[test]
fn the_table_of_limits_is_what_the_source_says_and_tests_hold() {
    let text = fs::read_to_string(root().join("LIMITS.md")).unwrap();
    let sources = sources();
    let has_test = |name: &str| {
        let definition = format!("fn {name}(");
        sources.iter().any(|(_, source)| source.contains(&definition))
    };
    let rows = rows(&text);
    assert!(rows.len() > 60, "{} rows", rows.len());
    for Row {
        limit,
        default,
        file,
        name,
        tests,
    } in rows
    {
        let source = fs::read_to_string(root().join(Path::new(file))).unwrap_or_default();
        assert_eq!(
            defined(&source, name),
            Some(written(default)),
            "{limit}: {name} in {file}"
        );
        assert!(!tests.is_empty(), "{limit} is held by no test");
        for test in tests {
            assert!(has_test(test), "{limit}: there is no test {test}");
        }
    }
    let (table, _) = text.split_once("\n## ").unwrap();
    for test in quoted(table) {
        assert!(has_test(test), "there is no test {test}");
    }
}
