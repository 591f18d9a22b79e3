//! Random changes to a schema: the ones people make, and the ones they should not.

use crate::generate::{Field, LOGICAL, Named, Random, Type, Types, default};

/// A type and a changed copy of it.
pub(crate) fn pair(random: &mut Random) -> [Type; 2] {
    let depth = 1 + random.below(3);
    let mut types = Types::new(random);
    let one = if types.random.once_in(3) {
        types.any(depth)
    } else {
        types.record(depth)
    };
    let other = change(&one, random);
    [one, other]
}

/// A changed copy.
fn change(kind: &Type, random: &mut Random) -> Type {
    let mut changed = kind.clone();
    for _ in 0..=random.below(3) {
        changed = one(&changed, random, 0);
    }
    changed
}

/// Goes down to a random type and changes it.
fn one(kind: &Type, random: &mut Random, depth: usize) -> Type {
    let here = random.once_in(4 + depth);
    match kind {
        Type::Array(item) if !here => Type::Array(Box::new(one(item, random, depth + 1))),
        Type::Map(item) if !here => Type::Map(Box::new(one(item, random, depth + 1))),
        Type::Union(branches) if !here && !branches.is_empty() => {
            let mut branches = branches.clone();
            let index = random.below(branches.len());
            branches[index] = one(&branches[index], random, depth + 1);
            Type::Union(branches)
        }
        Type::Record { name, fields, word } if !here && !fields.is_empty() => {
            let mut fields = fields.clone();
            let index = random.below(fields.len());
            fields[index].kind = one(&fields[index].kind, random, depth + 1);
            fields[index].default = None;
            Type::Record {
                name: name.clone(),
                fields,
                word,
            }
        }
        other => this(other, random),
    }
}

/// Changes this type.
fn this(kind: &Type, random: &mut Random) -> Type {
    match (kind, random.below(8)) {
        (Type::Union(branches), choice) => union(branches, choice, random),
        (other, 0) => Type::Union(vec![Type::Primitive("null"), other.clone()]),
        (other, 1) => Type::Union(vec![other.clone(), Type::Primitive("null")]),
        (Type::Primitive(word) | Type::Logical(word, _), 2..=3) => logical(word, random),
        (Type::Primitive(_) | Type::Logical(..), _) => {
            Type::Primitive(random.pick(&["int", "long", "float", "double", "bytes", "string", "null"]))
        }
        (Type::Record { name, fields, word }, 2) => Type::Record {
            name: rename(name, random),
            fields: fields.clone(),
            word,
        },
        (Type::Record { name, fields, word }, _) => Type::Record {
            name: name.clone(),
            fields: self::fields(fields, random),
            word,
        },
        (
            Type::Enum {
                name,
                symbols,
                default,
            },
            choice,
        ) => enumeration(name, symbols.clone(), default.clone(), choice, random),
        (Type::Fixed { name, size, logical }, choice) => Type::Fixed {
            name: if choice < 4 {
                name.clone()
            } else {
                rename(name, random)
            },
            size: size + usize::from(choice == 2),
            logical: if choice == 3 { "" } else { logical },
        },
        (Type::Array(item), 2) => Type::Map(item.clone()),
        (Type::Map(item), 2) => Type::Array(item.clone()),
        (Type::Array(item) | Type::Map(item), 3) => (**item).clone(),
        (other, _) => other.clone(),
    }
}

/// The same primitive type with another logical type, or none.
fn logical(word: &'static str, random: &mut Random) -> Type {
    let (other, logical) = random.pick(&LOGICAL);
    if other == word {
        Type::Logical(word, logical)
    } else {
        Type::Primitive(word)
    }
}

fn union(branches: &[Type], choice: usize, random: &mut Random) -> Type {
    let mut branches = branches.to_vec();
    match choice {
        0 if branches.len() == 1 => return branches.remove(0),
        0..=1 if !branches.is_empty() => {
            branches.remove(random.below(branches.len()));
        }
        2 => branches.reverse(),
        3 if !branches.is_empty() => branches.rotate_left(1),
        4..=6 => branches.push(Type::Primitive(
            random.pick(&["string", "long", "double", "bytes", "null"]),
        )),
        _ => {}
    }
    Type::Union(branches)
}

/// Another name or another namespace; mostly with an alias for the old one.
fn rename(name: &Named, random: &mut Random) -> Named {
    let mut renamed = name.clone();
    let old = match &name.namespace {
        Some(namespace) => format!("{namespace}.{}", name.short),
        None => name.short.clone(),
    };
    if random.once_in(2) {
        renamed.namespace = Some(random.pick(&["shop", "moved"]).to_string());
    } else {
        renamed.short.push('x');
    }
    if !random.once_in(3) {
        renamed.aliases.push(old);
    }
    renamed
}

fn fields(fields: &[Field], random: &mut Random) -> Vec<Field> {
    let mut fields = fields.to_vec();
    match random.below(6) {
        0 if !fields.is_empty() => {
            fields.remove(random.below(fields.len()));
        }
        1 => fields.reverse(),
        2 if !fields.is_empty() => {
            let index = random.below(fields.len());
            let field = &mut fields[index];
            let old = std::mem::replace(&mut field.name, format!("renamed{index}"));
            if !random.once_in(3) {
                field.aliases.push(old);
            }
        }
        3 if !fields.is_empty() => {
            let index = random.below(fields.len());
            let kind = fields[index].kind.clone();
            fields[index].default = default(random, &kind);
        }
        _ => {
            let name = format!("new{}", fields.len());
            let mut types = Types::new(random);
            let field = types.field(name, 0);
            let index = random.below(fields.len() + 1);
            fields.insert(index, field);
        }
    }
    fields
}

fn enumeration(
    name: &Named,
    mut symbols: Vec<String>,
    mut default: Option<String>,
    choice: usize,
    random: &mut Random,
) -> Type {
    let mut name = name.clone();
    match choice {
        2 => name = rename(&name, random),
        3 if symbols.len() > 1 => {
            let removed = symbols.remove(random.below(symbols.len()));
            default = default.filter(|symbol| *symbol != removed);
        }
        4 => symbols.reverse(),
        5 => default = symbols.first().cloned(),
        _ => symbols.push(format!("N{}", symbols.len())),
    }
    Type::Enum {
        name,
        symbols,
        default,
    }
}
