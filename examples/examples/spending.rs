//! What each customer has spent, as a table that follows the orders: `spending [FOLDER] [DATABASE]`, of the log that `orders`
//! keeps in a folder, into SQLite or PostgreSQL.
//!
//! `docs/tutorial.md` explains it piece by piece.

// How far it is stands on a terminal's line, which is written over.
#![allow(clippy::print_stderr)]

use std::error::Error;
use std::io::{IsTerminal as _, stderr};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use annals_event_store::projection::{
    Database, EventAt, Progress, Projection, Projector, Refusal, Sql, Table,
};
use annals_event_store::{Listed, Source};
use annals_examples::events::{OrdersEvent, SCHEMAS};
use annals_schema_model::Decimal;
use annals_segment_log::{LogConfig, LogDir, PartitionConfig};

/// What each customer has spent.
struct Spending;

impl Projection for Spending {
    const NAME: &'static str = "spending";
    const REV: u32 = 1;
    const TABLES: &'static [Table] = &[
        Table {
            name: "customers",
            columns: "customer TEXT PRIMARY KEY, orders BIGINT NOT NULL, spent TEXT NOT NULL",
            indexes: &[],
        },
        Table {
            name: "ordered",
            columns: "order_id TEXT PRIMARY KEY, customer TEXT NOT NULL",
            indexes: &["customer"],
        },
    ];
    type Event = OrdersEvent;

    async fn project(&self, event: &OrdersEvent, _: &EventAt<'_>, sql: &mut Sql<'_>) -> Result<(), Refusal> {
        match event {
            OrdersEvent::OrderPlaced(placed) => {
                let ordered = "INSERT INTO {ordered} (order_id, customer) VALUES ($1, $2)";
                let ordered = sql.query(ordered).bind(&placed.order_id);
                ordered.bind(&placed.customer_id).execute().await?;
                let count = "INSERT INTO {customers} (customer, orders, spent) VALUES ($1, 1, '0.00')
                    ON CONFLICT (customer) DO UPDATE SET orders = {customers}.orders + 1";
                sql.query(count).bind(&placed.customer_id).execute().await?;
                Ok(())
            }
            OrdersEvent::OrderPaid(paid) => {
                spent(sql, &paid.order_id, |spent| spent.checked_add(&paid.amount)).await
            }
            OrdersEvent::OrderRefunded(back) => {
                spent(sql, &back.order_id, |spent| spent.checked_sub(&back.amount)).await
            }
            _ => Ok(()),
        }
    }
}

/// Changes what the customer of an order has spent.
async fn spent(
    sql: &mut Sql<'_>,
    order_id: &str,
    change: impl FnOnce(Decimal) -> Option<Decimal>,
) -> Result<(), Refusal> {
    let select = "SELECT c.customer, c.spent FROM {customers} c JOIN {ordered} o ON o.customer = c.customer
        WHERE o.order_id = $1";
    let found = sql.query(select).bind(order_id).fetch().await?;
    let Some(row) = found.first() else {
        return Err(Refusal::halt("the order was never placed"));
    };
    let spent: Decimal = row
        .get::<&str>(1)?
        .parse()
        .map_err(|_| Refusal::halt("no amount"))?;
    let spent = change(spent).ok_or_else(|| Refusal::halt("an amount that no decimal holds"))?;
    let update = "UPDATE {customers} SET spent = $2 WHERE customer = $1";
    let update = sql.query(update).bind(row.get::<&str>(0)?);
    update.bind(spent.to_string()).execute().await?;
    Ok(())
}

/// A line that says how far it is, where somebody looks.
fn show(progress: &Progress) {
    if stderr().is_terminal() {
        let Progress { done, total, .. } = progress;
        eprint!("\r{}: {done} of {total} offsets", progress.projection);
    }
}

/// Brings the table to what the log has, and prints it.
pub(crate) async fn run(folder: &Path, database: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let log = LogDir::open(folder, LogConfig::default(), now.as_millis().try_into()?)?;
    let source = Source::open(&log, OrdersEvent::TOPIC, 3, &PartitionConfig::default())?;
    let database = Database::connect(database).await?;
    let schemas = Arc::new(Listed::new(SCHEMAS)?);
    let spending = Projector::new(Spending, source.feed(), schemas, database.clone()).observe(show);
    spending.catch_up().await?;

    let mut transaction = database.begin().await?;
    let rows = transaction.query("SELECT customer, orders, spent FROM customers ORDER BY customer");
    let mut lines = Vec::new();
    for row in rows.fetch().await? {
        let (customer, orders, spent): (&str, i64, &str) = (row.get(0)?, row.get(1)?, row.get(2)?);
        lines.push(format!("{customer}: {orders} order(s), {spent}"));
    }
    let standing = spending.status().await?.live.ok_or("it has not caught up")?;
    lines.push(format!(
        "of {} events up to {}, {} offsets behind",
        standing.events, standing.cut, standing.lag.offsets
    ));
    log.close()?;
    Ok(lines)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().unwrap_or_else(|| "orders-log".to_owned());
    let database = args.next().unwrap_or_else(|| "sqlite:spending.db".to_owned());
    for line in run(Path::new(&folder), &database).await? {
        println!("{line}");
    }
    Ok(())
}
