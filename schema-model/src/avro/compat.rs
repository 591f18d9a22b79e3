//! Which data of a writer a reader cannot read: Avro Java's `SchemaCompatibility`, with every finding placed.
//!
//! The algorithm compares pairs of types depth first. A pair is compared once; a pair that is still being compared
//! counts as compatible, so recursive schemas end. Java compares on its call stack; here the open pairs lie on an
//! explicit one, because names can chain types deeper than any stack, and the work is counted and bounded. A finding that
//! Java reports several times (a type used in several places) is reported once. What Java does not look at, because the
//! bytes can be read all the same, is looked at by a second walk (`meaning`); [`rules::Class`] says which policy asks
//! for it.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    rc::Rc,
};

use super::{
    node::{Kind, NodeId},
    rules,
    schema::Schema,
};
use crate::{Direction, Finding, Rule, Standard};

mod branches;
mod hint;
mod meaning;
mod place;
mod report;
mod task;

use branches::{Branches, Candidates, Unions};
pub(super) use meaning::misread;
pub use meaning::narrowings;
use place::{Places, Token};
pub(super) use task::promotes;

/// Most findings given back; nobody reads more.
pub const FINDINGS_MAX: usize = 1_000;

/// How many pairs of types may be compared.
const PAIRS_MAX: usize = 250_000;

/// How many fields, symbols and branches may be looked up, over all pairs: several times what two schemas of the greatest
/// size have, if each of their types meets one of the other's.
pub const STEPS_MAX: usize = 2_000_000;

/// Stands for a pair of plain types that needs no comparing.
const COMPATIBLE: usize = usize::MAX;

/// What keeps `reader` from reading data of `writer` by Avro Java's rules, the first [`FINDINGS_MAX`] of it; empty when
/// nothing does.
#[must_use]
pub fn check(reader: &Schema, writer: &Schema, direction: Direction) -> Vec<Finding> {
    judge(Standard::default(), reader, writer, direction)
}

/// What keeps `reader` from reading data of `writer` by the policies of a standard; its level does not count here.
#[must_use]
pub fn judge(standard: Standard, reader: &Schema, writer: &Schema, direction: Direction) -> Vec<Finding> {
    let names = rules::counts(rules::NAME_MISMATCH, standard);
    let mut findings = structure(reader, writer, names, direction);
    if rules::beyond_structure(standard) {
        findings.extend(meanings(reader, writer, direction, |rule| {
            rules::counts(rule, standard)
        }));
    }
    findings.truncate(FINDINGS_MAX);
    findings
}

/// Every place where a reader would take a writer's bytes for another value: compatible to Avro Java, refused by
/// [`super::Plan`] and [`super::Reading`].
///
/// ```
/// use annals_schema_model::{Direction, avro::{Schema, compat}};
///
/// let decimal = |scale| format!(r#"{{"type":"bytes","logicalType":"decimal","precision":9,"scale":{scale}}}"#);
/// let (old, new) = (Schema::parse(&decimal(2), &[])?, Schema::parse(&decimal(4), &[])?);
/// assert!(compat::check(&new, &old, Direction::Backward).is_empty());
/// let misread = compat::misreadings(&new, &old, Direction::Backward);
/// assert_eq!(misread[0].rule.code(), "DECIMAL_SCALE_CHANGED");
/// # Ok::<(), annals_schema_model::ParseError>(())
/// ```
#[must_use]
pub fn misreadings(reader: &Schema, writer: &Schema, direction: Direction) -> Vec<Finding> {
    let changes = [rules::DECIMAL_SCALE_CHANGED, rules::LOGICAL_TYPE_CHANGED];
    let counts = |rule| changes.contains(&rule) || rule == rules::COMPARISON_TOO_LARGE;
    meanings(reader, writer, direction, counts)
}

fn structure(reader: &Schema, writer: &Schema, names: bool, direction: Direction) -> Vec<Finding> {
    let mut check = Check {
        reader,
        writer,
        names,
        places: Places::default(),
        pairs: Vec::new(),
        known: HashMap::new(),
        open: Vec::new(),
        unions: RefCell::default(),
        steps_left: STEPS_MAX,
    };
    let outcome = check.run();
    let problems = match &outcome {
        Ok(()) => check.flatten(),
        Err(problem) => vec![problem],
    };
    report::findings(reader, writer, &check.places, problems, direction)
}

fn meanings(
    reader: &Schema,
    writer: &Schema,
    direction: Direction,
    wanted: impl Fn(Rule) -> bool,
) -> Vec<Finding> {
    let (places, problems) = meaning::problems(reader, writer);
    let problems = problems.iter().filter(|problem| wanted(problem.rule));
    report::findings(reader, writer, &places, problems, direction)
}

/// Something incompatible, before it is put into words.
#[derive(Clone, Debug)]
struct Problem {
    rule: Rule,
    /// The pair of types, and what about them.
    place: usize,
    token: Token,
    detail: String,
    /// What the problem is about, when that is no part of the pair: a branch of the writer's union.
    branch: Option<NodeId>,
    /// What keeps a branch of the same name from reading it.
    cause: Option<Rc<Problem>>,
}

impl Problem {
    fn new(rule: Rule, place: usize, token: Token, detail: String) -> Problem {
        Problem {
            rule,
            place,
            token,
            detail,
            branch: None,
            cause: None,
        }
    }
}

/// A compared pair of types; it is also a place.
#[derive(Default)]
struct Pair {
    items: Vec<Item>,
    done: bool,
}

/// What makes a pair incompatible, in the order it was found.
enum Item {
    Problem(Rc<Problem>),
    Pair(usize),
}

/// A pair that is being compared.
struct Frame<'s> {
    pair: usize,
    task: Task<'s>,
    next: usize,
}

/// What is left to do for a pair.
enum Task<'s> {
    /// Each step adds its findings.
    All(Vec<Step>),
    /// Each branch of the writer's union must be readable.
    EachBranch(&'s [NodeId]),
    /// One branch of the reader's union must read the writer; those that are still to be tried.
    AnyBranch(Rc<Branches<'s>>, Candidates),
    /// Nothing is left to do.
    Done,
}

enum Step {
    Problem(Rc<Problem>),
    Pair(Next),
}

/// A pair to be compared, and how it is reached.
#[derive(Clone, Copy)]
struct Next {
    token: Token,
    reader: NodeId,
    writer: NodeId,
}

struct Check<'s> {
    reader: &'s Schema,
    writer: &'s Schema,
    /// Whether names of records, enums and fixed count.
    names: bool,
    places: Places,
    /// The pair of each place.
    pairs: Vec<Pair>,
    known: HashMap<(NodeId, NodeId), usize>,
    open: Vec<Frame<'s>>,
    /// The reader's unions.
    unions: RefCell<Unions<'s>>,
    steps_left: usize,
}

impl<'s> Check<'s> {
    /// Compares from the roots; the error is a problem that ends the comparison.
    fn run(&mut self) -> Result<(), Problem> {
        let root = Next {
            token: Token::Root,
            reader: self.reader.root(),
            writer: self.writer.root(),
        };
        let mut answer = self.enter(None, root)?;
        while let Some(mut frame) = self.open.pop() {
            if let Some(compared) = answer.take() {
                self.take_answer(&mut frame, compared);
            }
            match self.next_pair(&mut frame) {
                Some(next) => {
                    let pair = frame.pair;
                    self.open.push(frame);
                    answer = self.enter(Some(pair), next)?;
                }
                None => {
                    self.pairs[frame.pair].done = true;
                    answer = Some(frame.pair);
                }
            }
        }
        Ok(())
    }

    /// Begins a pair, or answers it when it is known. `None` means it lies on the stack now.
    fn enter(&mut self, parent: Option<usize>, next: Next) -> Result<Option<usize>, Problem> {
        self.spend(1, parent.unwrap_or_default())?;
        let kinds = (
            &self.reader.node(next.reader).kind,
            &self.writer.node(next.writer).kind,
        );
        if task::reads_plainly(kinds.0, kinds.1) {
            return Ok(Some(COMPATIBLE));
        }
        // Two plain types have no name they could be met by again.
        let once = task::is_plain(kinds.0) && task::is_plain(kinds.1);
        let known = if once {
            None
        } else {
            self.known.get(&(next.reader, next.writer))
        };
        if let Some(pair) = known {
            return Ok(Some(*pair));
        }
        let pair = self.places.add(parent, next);
        if pair >= PAIRS_MAX {
            let detail = format!("the schemas differ in more than {PAIRS_MAX} pairs of types");
            let rule = rules::COMPARISON_TOO_LARGE;
            return Err(Problem::new(rule, pair, Token::Here, detail));
        }
        self.spend(task::cost(kinds.0, kinds.1), pair)?;
        let task = self.task(pair)?;
        self.pairs.push(Pair::default());
        if !once {
            self.known.insert((next.reader, next.writer), pair);
        }
        self.open.push(Frame { pair, task, next: 0 });
        Ok(None)
    }

    fn spend(&mut self, steps: usize, place: usize) -> Result<(), Problem> {
        let left = self.steps_left.checked_sub(steps);
        self.steps_left = left.ok_or_else(|| {
            let detail = format!("comparing the schemas takes more than {STEPS_MAX} steps");
            Problem::new(rules::COMPARISON_TOO_LARGE, place, Token::Here, detail)
        })?;
        Ok(())
    }

    /// Whether a pair is known to be incompatible; one in progress is not.
    fn fails(&self, pair: usize) -> bool {
        let pair = self.pairs.get(pair);
        pair.is_some_and(|pair| pair.done && !pair.items.is_empty())
    }

    /// Uses the answer to the pair this frame asked for last.
    fn take_answer(&mut self, frame: &mut Frame<'_>, compared: usize) {
        let fails = self.fails(compared);
        match &frame.task {
            Task::All(_) if fails => self.pairs[frame.pair].items.push(Item::Pair(compared)),
            Task::EachBranch(branches) if fails => {
                let asked = frame.next - 1;
                let problem = self.missing_branch(frame.pair, branches[asked], Token::Index(asked));
                self.pairs[frame.pair].items.push(Item::Problem(problem));
            }
            Task::AnyBranch(..) if !fails => frame.task = Task::Done,
            _ => {}
        }
    }

    /// The next pair a frame needs; problems on the way are noted.
    fn next_pair(&mut self, frame: &mut Frame<'_>) -> Option<Next> {
        let (reader, writer) = self.places.nodes(frame.pair);
        // Compared as if from a root of its own, as Java does.
        let branch = |reader, writer| Next {
            token: Token::Root,
            reader,
            writer,
        };
        match &mut frame.task {
            Task::All(steps) => {
                while let Some(step) = steps.get(frame.next) {
                    frame.next += 1;
                    match step {
                        Step::Problem(problem) => {
                            let problem = Rc::clone(problem);
                            self.pairs[frame.pair].items.push(Item::Problem(problem));
                        }
                        Step::Pair(next) => return Some(*next),
                    }
                }
                None
            }
            Task::EachBranch(branches) => {
                let asked = branches.get(frame.next).copied()?;
                frame.next += 1;
                Some(branch(reader, asked))
            }
            Task::AnyBranch(branches, candidates) => {
                if let Some(asked) = candidates.next().and_then(|place| branches.node(place)) {
                    return Some(branch(asked, writer));
                }
                let problem = self.missing_branch(frame.pair, writer, Token::Here);
                self.pairs[frame.pair].items.push(Item::Problem(problem));
                None
            }
            Task::Done => None,
        }
    }

    fn missing_branch(&self, pair: usize, branch: NodeId, token: Token) -> Rc<Problem> {
        let word = type_word(self.writer, branch);
        let detail = format!("reader union lacking writer type: {word}");
        Rc::new(Problem {
            branch: Some(branch),
            cause: self.cause(pair, branch),
            ..Problem::new(rules::MISSING_UNION_BRANCH, pair, token, detail)
        })
    }

    /// Why the reader's branch that is meant for a writer's type does not read it.
    fn cause(&self, pair: usize, branch: NodeId) -> Option<Rc<Problem>> {
        let (union, _) = self.places.nodes(pair);
        let Kind::Union(branches) = &self.reader.node(union).kind else {
            return None;
        };
        let branches = self.unions.borrow_mut().of(self.reader, union, branches);
        let meant = branches.alike(&self.writer.node(branch).kind)?;
        let mut compared = self.known.get(&(branches.node(meant)?, branch))?;
        // Pairs that failed by each other end in one that failed by itself.
        for _ in 0..crate::DEPTH_MAX {
            match self.pairs[*compared].items.first()? {
                Item::Problem(problem) => return Some(Rc::clone(problem)),
                Item::Pair(inner) => compared = inner,
            }
        }
        None
    }

    /// The first problems of the root pair and of all pairs it failed by, each once.
    fn flatten(&self) -> Vec<&Problem> {
        let mut problems = Vec::new();
        let mut seen = HashSet::from([0]);
        let mut open: Vec<std::slice::Iter<'_, Item>> = self
            .pairs
            .first()
            .map(|pair| pair.items.iter())
            .into_iter()
            .collect();
        while let Some(items) = open.last_mut() {
            match items.next() {
                Some(Item::Problem(_)) if problems.len() == FINDINGS_MAX => break,
                Some(Item::Problem(problem)) => problems.push(&**problem),
                Some(Item::Pair(pair)) if seen.insert(*pair) => open.push(self.pairs[*pair].items.iter()),
                Some(Item::Pair(_)) => {}
                None => {
                    open.pop();
                }
            }
        }
        problems
    }
}

/// A type as Java's messages write it: `RECORD`.
fn type_word(schema: &Schema, id: NodeId) -> String {
    schema.node(id).kind.name().to_ascii_uppercase()
}
