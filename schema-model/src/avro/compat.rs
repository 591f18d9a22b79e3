//! Which data of a writer a reader cannot read: Avro Java's `SchemaCompatibility`, with every finding placed.
//!
//! The algorithm compares pairs of types depth first. A pair is compared once; a pair that is still being compared
//! counts as compatible, so recursive schemas end. Java compares on its call stack; here the open pairs lie on an
//! explicit one, because names can chain types deeper than any stack, and a count bounds the work. A finding that
//! Java reports several times (a type used in several places) is reported once.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
};

use super::{
    node::{Kind, NodeId},
    rules,
    schema::Schema,
};
use crate::{Direction, Finding, Rule};

mod report;
mod task;

/// How many pairs of types may be compared.
const PAIRS_MAX: usize = 250_000;

/// What keeps `reader` from reading data of `writer`; empty when nothing does.
#[must_use]
pub fn check(reader: &Schema, writer: &Schema, direction: Direction) -> Vec<Finding> {
    let mut check = Check {
        reader,
        writer,
        pairs: Vec::new(),
        known: HashMap::new(),
        open: Vec::new(),
        large_unions: RefCell::default(),
    };
    match check.run() {
        Ok(()) => check
            .flatten()
            .into_iter()
            .map(|problem| report::finding(reader, writer, problem, direction))
            .collect(),
        Err(problem) => vec![report::finding(reader, writer, &problem, direction)],
    }
}

/// Something incompatible, before it is put into words.
#[derive(Clone, Debug)]
struct Problem {
    rule: Rule,
    reader: NodeId,
    writer: NodeId,
    path: Path,
    detail: String,
    /// The index of the reader's field the problem is about.
    field: Option<usize>,
}

/// JSON pointer tokens, from the root; joined only when a finding is made.
type Path = Vec<String>;

/// A compared pair of types.
#[derive(Default)]
struct Pair {
    items: Vec<Item>,
    done: bool,
}

/// What makes a pair incompatible, in the order it was found.
enum Item {
    Problem(Problem),
    Pair(usize),
}

/// A pair that is being compared.
struct Frame {
    pair: usize,
    reader: NodeId,
    writer: NodeId,
    path: Path,
    task: Task,
    next: usize,
}

/// What is left to do for a pair.
enum Task {
    /// Each step adds its findings.
    All(Vec<Step>),
    /// Each branch of the writer's union must be readable.
    EachBranch(Vec<NodeId>),
    /// One branch of the reader's union must read the writer.
    AnyBranch(Vec<NodeId>),
}

enum Step {
    Problem(Problem),
    Pair {
        tokens: Vec<String>,
        reader: NodeId,
        writer: NodeId,
    },
}

struct Check<'s> {
    reader: &'s Schema,
    writer: &'s Schema,
    pairs: Vec<Pair>,
    known: HashMap<(NodeId, NodeId), usize>,
    open: Vec<Frame>,
    /// For large unions of the reader: their branches by short name, and by `alias` and full alias.
    large_unions: RefCell<HashMap<NodeId, Candidates>>,
}

/// The branches of a union, and their places in it, by name.
type Candidates = HashMap<String, Vec<(usize, NodeId)>>;

impl Check<'_> {
    /// Compares from the roots; the error is a problem that ends the comparison.
    fn run(&mut self) -> Result<(), Problem> {
        let mut answer = self.enter(self.reader.root(), self.writer.root(), Vec::new())?;
        while let Some(mut frame) = self.open.pop() {
            if let Some(compared) = answer.take() {
                self.take_answer(&mut frame, compared);
            }
            match self.next_pair(&mut frame) {
                Some((reader, writer, path)) => {
                    self.open.push(frame);
                    answer = self.enter(reader, writer, path)?;
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
    fn enter(&mut self, reader: NodeId, writer: NodeId, path: Path) -> Result<Option<usize>, Problem> {
        if let Some(pair) = self.known.get(&(reader, writer)) {
            return Ok(Some(*pair));
        }
        if self.pairs.len() >= PAIRS_MAX {
            let detail = format!(
                "the schemas differ in more than {PAIRS_MAX} pairs of types; check fewer changes at once"
            );
            return Err(Problem {
                rule: rules::COMPARISON_TOO_LARGE,
                reader,
                writer,
                path,
                detail,
                field: None,
            });
        }
        let task = self.task(reader, writer, &path)?;
        let pair = self.pairs.len();
        self.pairs.push(Pair::default());
        self.known.insert((reader, writer), pair);
        self.open.push(Frame {
            pair,
            reader,
            writer,
            path,
            task,
            next: 0,
        });
        Ok(None)
    }

    /// Whether a pair is known to be incompatible; one in progress is not.
    fn fails(&self, pair: usize) -> bool {
        self.pairs[pair].done && !self.pairs[pair].items.is_empty()
    }

    /// Uses the answer to the pair this frame asked for last.
    fn take_answer(&mut self, frame: &mut Frame, compared: usize) {
        let fails = self.fails(compared);
        let asked = frame.next - 1;
        match &frame.task {
            Task::All(_) if fails => self.pairs[frame.pair].items.push(Item::Pair(compared)),
            Task::EachBranch(branches) if fails => {
                let mut path = frame.path.clone();
                path.push(asked.to_string());
                let problem = self.missing_branch(frame.reader, frame.writer, branches[asked], path);
                self.pairs[frame.pair].items.push(Item::Problem(problem));
            }
            Task::AnyBranch(branches) if !fails => frame.next = branches.len() + 1,
            _ => {}
        }
    }

    /// The next pair a frame needs; problems on the way are noted.
    fn next_pair(&mut self, frame: &mut Frame) -> Option<(NodeId, NodeId, Path)> {
        match &mut frame.task {
            Task::All(steps) => {
                while let Some(step) = steps.get(frame.next) {
                    frame.next += 1;
                    match step {
                        Step::Problem(problem) => {
                            self.pairs[frame.pair].items.push(Item::Problem(problem.clone()));
                        }
                        Step::Pair {
                            tokens,
                            reader,
                            writer,
                        } => {
                            let path = frame.path.iter().chain(tokens).cloned().collect();
                            return Some((*reader, *writer, path));
                        }
                    }
                }
                None
            }
            Task::EachBranch(branches) => {
                let branch = branches.get(frame.next).copied()?;
                frame.next += 1;
                // Compared as if from a root of its own, as Java does.
                Some((frame.reader, branch, Vec::new()))
            }
            Task::AnyBranch(branches) => {
                if let Some(branch) = branches.get(frame.next).copied() {
                    frame.next += 1;
                    return Some((branch, frame.writer, Vec::new()));
                }
                if frame.next == branches.len() {
                    let problem =
                        self.missing_branch(frame.reader, frame.writer, frame.writer, frame.path.clone());
                    self.pairs[frame.pair].items.push(Item::Problem(problem));
                }
                None
            }
        }
    }

    fn missing_branch(&self, reader: NodeId, writer: NodeId, branch: NodeId, path: Path) -> Problem {
        let detail = format!(
            "reader union lacking writer type: {}",
            type_word(self.writer, branch)
        );
        Problem {
            rule: rules::MISSING_UNION_BRANCH,
            reader,
            writer,
            path,
            detail,
            field: None,
        }
    }

    /// The problems of the root pair and of all pairs it failed by, each once.
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
                Some(Item::Problem(problem)) => problems.push(problem),
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

/// Whether a writer's type is read as a wider reader's type.
pub(super) fn promotes(writer: &Kind, reader: &Kind) -> bool {
    matches!(
        (writer, reader),
        (Kind::Int, Kind::Long | Kind::Float | Kind::Double)
            | (Kind::Long, Kind::Float | Kind::Double)
            | (Kind::Float, Kind::Double)
            | (Kind::Bytes, Kind::String)
            | (Kind::String, Kind::Bytes)
    )
}

/// A type as Java's messages write it: `RECORD`.
fn type_word(schema: &Schema, id: NodeId) -> String {
    schema.node(id).kind.name().to_ascii_uppercase()
}
