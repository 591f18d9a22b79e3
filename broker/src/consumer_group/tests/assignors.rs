//! What targets are like, whatever the members want.

use super::*;

/// Members by what they want, and how many partitions each topic has.
fn world() -> impl Strategy<Value = (Vec<BTreeSet<usize>>, Vec<i32>)> {
    let member = prop::collection::btree_set(0..4usize, 0..4);
    (
        prop::collection::vec(member, 1..8),
        prop::collection::vec(1..12i32, 4),
    )
}

fn group_of(members: &[BTreeSet<usize>], partitions: &[i32], assignor: &str) -> (ConsumerGroup, Known) {
    let names = ["a", "b", "c", "d"];
    let topics: Vec<_> = names.into_iter().zip(partitions.iter().copied()).collect();
    let topics = known(&topics);
    let mut group = ConsumerGroup::new("group", LIMITS);
    for (number, wants) in members.iter().enumerate() {
        let wants: Vec<&str> = wants.iter().map(|at| names[*at]).collect();
        let joins = Heartbeat {
            assignor: Some(assignor.to_owned()),
            ..join(&format!("member-{number}"), &wants)
        };
        group.on(Event::Heartbeat(Ticket(1), Box::new(joins)), &topics, 0);
    }
    (group, topics)
}

/// Every partition that somebody wants is one's who wants it.
fn check_whole(group: &ConsumerGroup, topics: &Known) {
    let mut given: Vec<Part> = Vec::new();
    let mut wanted = Parts::new();
    for member in group.members.values() {
        let of_topics = member.topics.iter().filter_map(|name| topics.get(name));
        let parts: Parts = of_topics
            .flat_map(|(id, count)| (0..*count).map(move |partition| (*id, partition)))
            .collect();
        assert!(member.target.is_subset(&parts), "{member:?}");
        wanted.extend(parts);
        given.extend(&member.target);
    }
    let (count, given) = (given.len(), given.into_iter().collect::<Parts>());
    assert_eq!((count, &given), (wanted.len(), &wanted));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn uniform_gives_all_fairly_and_moves_little((members, partitions) in world(), gone in 0..8usize) {
        let (mut group, topics) = group_of(&members, &partitions, "uniform");
        check_whole(&group, &topics);
        // Nobody could give one to somebody who has two less.
        for member in group.members.values() {
            for other in group.members.values() {
                let could = member.target.iter().any(|part| {
                    let name = topics.iter().find(|(_, (id, _))| *id == part.0).map(|(name, _)| name);
                    name.is_some_and(|name| other.topics.contains(name))
                });
                let fair = !could || member.target.len() <= other.target.len() + 1;
                prop_assert!(fair, "{member:?} has more than {other:?}");
            }
        }
        // Where all want the same, who stays keeps all it had.
        let same = members.iter().all(|wants| *wants == members[0]);
        let before: BTreeMap<String, Parts> =
            group.members.iter().map(|(id, member)| (id.clone(), member.target.clone())).collect();
        let leaves = heartbeat(&format!("member-{}", gone % members.len()), GOES);
        group.on(Event::Heartbeat(Ticket(2), Box::new(leaves)), &topics, 1);
        check_whole(&group, &topics);
        for (id, member) in group.members.iter().filter(|_| same) {
            prop_assert!(member.target.is_superset(&before[id]), "{member:?} had {:?}", before[id]);
        }
    }

    #[test]
    fn range_gives_each_a_run((members, partitions) in world()) {
        let (group, topics) = group_of(&members, &partitions, "range");
        prop_assert_eq!(group.assignor(), "range");
        check_whole(&group, &topics);
        for (id, _) in topics.values() {
            let mut sizes = BTreeSet::new();
            let wants = |member: &&Member| member.topics.iter().any(|name| topics[name].0 == *id);
            for member in group.members.values().filter(wants) {
                let run: Vec<i32> =
                    member.target.iter().filter(|(topic, _)| topic == id).map(|(_, partition)| *partition).collect();
                prop_assert!(run.windows(2).all(|pair| pair[1] == pair[0] + 1), "{run:?}");
                sizes.insert(run.len());
            }
            let spread = sizes.last().unwrap_or(&0) - sizes.first().unwrap_or(&0);
            prop_assert!(spread <= 1, "{sizes:?}");
        }
    }
}
