//! Tests of the whole log: on a simulated disk whose power can be cut, and on the real one.

mod changes;
mod checkpoint;
mod clustered;
mod commit;
mod compact;
mod crash;
mod damage;
mod keys;
mod model;
mod real;
mod repair;
mod retain;
mod room;
mod support;
mod times;
mod transactions;
