//! What expressions come to, and what halts.

use annals_event_store::Step;

use crate::declarative::{START, fold, opened, paid};

/// What is set, and what comes out of an event with amount 1.50 and payer 4.
const EXPRESSIONS: &[(&str, &str)] = &[
    ("at.offset", "1"),
    ("at.revision", "7"),
    ("at.partition", "3"),
    ("at.recorded", "\"1970-01-01T00:00:00.005Z\""),
    ("at.key", "\"k\""),
    ("at.actor", "\"eve\""),
    ("at.business_time", "null"),
    ("at.headers.trace", "null"),
    ("at.headers['actor']", "\"eve\""),
    ("at.schema_id", "3"),
    ("\"'text'\"", "\"text\""),
    ("-3", "-3"),
    ("\"-3\"", "-3"),
    ("event.amount", "\"1.50\""),
    ("event.amount == decimal('1.5')", "true"),
    ("event.amount > state.sum", "true"),
    ("event.amount < 2", "true"),
    ("\"event.note == null ? 'none' : event.note\"", "\"none\""),
    ("event.payer + 1", "5"),
    ("\"state.owner + '!'\"", "\"ada!\""),
    ("\"[1, 2, 3].filter(x, x > event.payer - 3)\"", "[2,3]"),
    ("\"[event.amount].map(x, {'v': x})\"", "[{\"v\":\"1.50\"}]"),
    (
        "\"{'b': event.payer, 'a': [event.amount]}\"",
        "{\"a\":[\"1.50\"],\"b\":4}",
    ),
    ("\"event.payer in [4, 5]\"", "true"),
    ("\"state.owner.startsWith('a') && event.payer == 4\"", "true"),
    (
        "\"'ada@example.com'.isEmail() && !state.owner.isEmail()\"",
        "true",
    ),
    ("\"has(event.note)\"", "true"),
    ("size(state.owner)", "3"),
    ("\"'a, b,c'.split(',')\"", "[\"a\",\" b\",\"c\"]"),
    ("\"state.owner.split('x')\"", "[\"ada\"]"),
    ("state.at == at.recorded", "false"),
    // Decimals compute exactly, with decimals and with integers, wherever they stand.
    ("event.amount + decimal('0.05')", "\"1.55\""),
    ("event.amount - state.sum - 1", "\"0.50\""),
    ("event.amount * 3", "\"4.50\""),
    ("event.amount * decimal('0.5')", "\"0.750\""),
    ("\"-event.amount\"", "\"-1.50\""),
    ("\"-(event.amount - 2) * 2\"", "\"1.00\""),
    ("event.payer * decimal('0.25')", "\"1.00\""),
    (
        "\"event.amount > decimal('1') ? decimal('1') : event.amount\"",
        "\"1\"",
    ),
    ("\"[decimal('0'), event.amount][1]\"", "\"1.50\""),
    ("\"{'d': decimal('0') - event.amount}\"", "{\"d\":\"-1.50\"}"),
    (
        "\"[decimal('2'), event.amount].filter(x, x > decimal('1.5'))\"",
        "[\"2\"]",
    ),
    ("\"[1, 2].map(x, x * event.amount)\"", "[\"1.50\",\"3.00\"]"),
    (
        "\"[1, 2, 3].map(x, x > 1, -x * event.amount)\"",
        "[\"-3.00\",\"-4.50\"]",
    ),
    (
        "\"[event.amount].exists(x, x == decimal('1.5') && x != decimal('0'))\"",
        "true",
    ),
    (
        "\"[event.amount, decimal('0')].all(x, x >= decimal('0'))\"",
        "true",
    ),
    (
        "\"[event.amount, decimal('0')].exists_one(x, x - 1 > decimal('0'))\"",
        "true",
    ),
    ("\"event.amount in [decimal('1.5')]\"", "true"),
    ("\"decimal('3') in [event.amount]\"", "false"),
    // Beside a float they are compared exactly, whichever way: it is the decimal it is written as.
    ("event.amount == 1.5", "true"),
    ("event.amount != 1.5", "false"),
    ("event.amount > 1.0", "true"),
    ("event.amount <= 1.4999999999999", "false"),
    ("1.6 > event.amount", "true"),
    ("\"event.amount in [1.5]\"", "true"),
    ("\"1.5 in [event.amount]\"", "true"),
    ("\"{'a': event.amount} == {'a': 1.5}\"", "true"),
    ("\"[event.amount] != [1.5]\"", "false"),
    ("\"dyn(event.amount) > 0.5\"", "true"),
    ("\"dyn(event.amount) == dyn(1.5)\"", "true"),
    ("\"[1.25, event.amount].exists(x, x == decimal('1.5'))\"", "true"),
    ("\"decimal('0.1') == 0.1 && decimal('0.3') > 0.1 + 0.1\"", "true"),
    ("\"decimal('0.3') == 0.1 + 0.2\"", "false"),
    ("\"decimal('0.1000000000000000055') == 0.1\"", "false"),
    ("\"9007199254740993 == 9007199254740992.0\"", "false"),
    ("\"9007199254740993 > 9007199254740992.0\"", "true"),
    ("\"event.payer == 4.0\"", "true"),
    (
        "\"event.amount < 1e300 && event.amount > 5e-324 && event.amount < double('inf')\"",
        "true",
    ),
    (
        "\"event.amount == double('NaN') || event.amount == double('-inf')\"",
        "false",
    ),
    ("\"string(event.amount * 2) + ' eur'\"", "\"3.00 eur\""),
    ("\"double(event.amount) * 2.0\"", "3.0"),
    ("\"type(event.amount)\"", "\"decimal\""),
    (
        "\"size([event.amount]) == 1 && !(event.amount < decimal('1'))\"",
        "true",
    ),
    (
        "\"[[event.amount]].map(x, x.map(y, y + size(x)))\"",
        "[[\"2.50\"]]",
    ),
    ("\"{'a': event.amount}.all(k, k == 'a')\"", "true"),
    ("\"[{'v': event.amount}].map(x, x.v - 1)[0]\"", "\"0.50\""),
    // Times: the record was taken 5 ms after 1970 began, and state.at is when the till was opened.
    ("at.recorded + duration('24h')", "\"1970-01-02T00:00:00.005Z\""),
    (
        "at.recorded - timestamp('1969-12-31T00:00:00Z')",
        "\"86400.005s\"",
    ),
    (
        "\"at.recorded > timestamp('1970-01-01T00:00:00.004999Z')\"",
        "true",
    ),
    ("\"at.recorded - at.recorded == duration('0')\"", "true"),
    (
        "\"at.recorded.getHours('-01:00') * 100 + at.recorded.getMilliseconds()\"",
        "2305",
    ),
    ("\"timestamp('2024-02-29T12:00:00Z').getDayOfYear()\"", "59"),
    (
        "\"[duration('2s'), duration('1m')].filter(x, x > duration('2000ms'))\"",
        "[\"60s\"]",
    ),
    (
        "\"int(timestamp('1970-01-01T00:01:00.9Z')) + duration('90m').getHours()\"",
        "61",
    ),
    (
        "\"string(at.recorded) + string(duration('1ms'))\"",
        "\"1970-01-01T00:00:00.005Z0.001s\"",
    ),
    (
        "\"{'due': at.recorded + duration('1us')}\"",
        "{\"due\":\"1970-01-01T00:00:00.005001Z\"}",
    ),
    (
        "\"timestamp(state.owner == 'ada' ? '2024-01-01T00:00:00.000000001Z' : 'x')\"",
        "\"2024-01-01T00:00:00.000000001Z\"",
    ),
    // Integers, texts and lists.
    ("\"7 / 2 * 2 + 7 % 2 - -1\"", "8"),
    ("\"[1] + [2]\"", "[1,2]"),
    ("\"2.5 - 1.0\"", "1.5"),
    ("\"int('12') + int(1.9)\"", "13"),
    (
        "\"'bc'.endsWith('c') && 'abc'.contains('b') && bool('true')\"",
        "true",
    ),
    ("\"[1, 0].exists(x, 1 / x == 1)\"", "true"),
    ("\"[0, 1].exists(x, 1 / x == 1)\"", "true"),
    (
        "\"has(state.sum) && !has(state.out) && has(at.headers.trace) && !has(at.headers.none)\"",
        "true",
    ),
];

/// What halts, and a part of the reason.
const HALTING: &[(&str, &str)] = &[
    ("event.payer / 0", "Division by zero"),
    ("\"[1, 0].all(x, 1 / x == 1)\"", "Division by zero"),
    ("\"9223372036854775807 + event.payer\"", "too many digits"),
    ("\"event.payer * 9223372036854775807\"", "too many digits"),
    (
        "\"timestamp('9999-12-31T23:59:59Z') + duration('1s')\"",
        "years 1 to 9999",
    ),
    (
        "\"duration('315576000000s') + duration('1ns')\"",
        "too long a duration",
    ),
    ("timestamp(state.owner)", "`ada` is no time"),
    ("duration(event.note)", "`duration` is not for null"),
    ("\"dyn(at.recorded) + dyn(1)\"", "there is no"),
    ("\"dyn(event.amount) / dyn(2)\"", "there is no 1.50 / 2"),
    ("\"dyn(event.amount) + dyn('x')\"", "there is no"),
    ("\"[1][dyn(event.payer)]\"", "no element 4"),
    (
        "\"dyn([event.amount, {'a': event.amount}]) < 1\"",
        "[1.50,{\\\"a\\\":1.50}] and 1 have no order",
    ),
    ("\"dyn(event.amount) ? 1 : 2\"", "came out as 1.50"),
    ("\"event.amount < double('NaN')\"", "have no order"),
];

#[test]
fn expressions_come_out() {
    let value_of = |expression: &str| {
        let text = format!("{START}      - set:\n          out: {expression}\n");
        let (state, steps) = fold(&text, &[opened(), paid(150)]);
        match &steps[1] {
            Ok(Step::Applied) => state["out"].to_string(),
            other => format!("{other:?}"),
        }
    };
    for (expression, expected) in EXPRESSIONS {
        assert_eq!(value_of(expression), *expected, "{expression}");
    }
    let tiny = format!("event.amount * decimal('0.{}1')", "0".repeat(998));
    assert!(value_of(&tiny).contains("too many digits"));
    for (expression, part) in HALTING {
        let value = value_of(expression);
        assert!(value.contains(part), "{expression}: {value}");
        assert!(!value.contains("Opaque") && !value.contains("annals."), "{value}");
    }
}
