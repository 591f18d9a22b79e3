//! Where a name stands in a list: an index of a few bytes a name, without copies of the names.

/// Lists up to this long are looked through.
const FEW: usize = 8;

/// The places of the names of a list, in the order of the names; empty when there are few.
#[derive(Clone, Debug)]
pub(super) struct Places(Box<[u32]>);

impl Places {
    /// The places of no names.
    pub(super) fn none() -> Places {
        Places(Box::default())
    }

    /// Indexes a list. The error is the first place whose name occurred before.
    pub(super) fn new<T>(items: &[T], name: fn(&T) -> &str) -> Result<Places, usize> {
        if items.len() <= FEW {
            let again = |place: &usize| {
                let (before, from) = items.split_at(*place);
                let wanted = from.first().map(name);
                before.iter().any(|item| Some(name(item)) == wanted)
            };
            return match (1..items.len()).find(again) {
                Some(place) => Err(place),
                None => Ok(Places::none()),
            };
        }
        let mut named: Vec<(&str, u32)> = items.iter().map(name).zip(0..).collect();
        named.sort_unstable();
        let twice = named.windows(2).filter(|pair| pair[0].0 == pair[1].0);
        match twice.map(|pair| pair[1].1).min() {
            Some(place) => Err(place as usize),
            None => Ok(Places(named.into_iter().map(|(_, place)| place).collect())),
        }
    }

    /// The place of a name in the list this was made of.
    pub(super) fn find<T>(&self, items: &[T], name: fn(&T) -> &str, wanted: &str) -> Option<usize> {
        if items.len() <= FEW {
            return items.iter().position(|item| name(item) == wanted);
        }
        let at = |place: &u32| items.get(*place as usize).map(name);
        let found = self
            .0
            .binary_search_by(|place| at(place).cmp(&Some(wanted)))
            .ok()?;
        self.0.get(found).map(|place| *place as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many() {
        for count in [0, 1, 8, 9, 300] {
            let mut names: Vec<String> = (0..count).map(|index| format!("n{}", index * 7 % 307)).collect();
            let places = Places::new(&names, String::as_str).unwrap();
            for (place, name) in names.iter().enumerate() {
                assert_eq!(places.find(&names, String::as_str, name), Some(place));
            }
            assert_eq!(places.find(&names, String::as_str, "absent"), None);
            if count > 2 {
                names[count - 1] = names[0].clone();
                assert_eq!(Places::new(&names, String::as_str).unwrap_err(), count - 1);
                names[2] = names[0].clone();
                assert_eq!(Places::new(&names, String::as_str).unwrap_err(), 2);
            }
        }
    }
}
