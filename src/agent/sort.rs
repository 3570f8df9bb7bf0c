//! Sorting without recursion, without a buffer on the stack and without a panic: `core`'s `sort_unstable` has all three.

/// Sorts in place: a heap sort, `n log n` comparisons whatever the order was.
pub(super) fn sort<T: Ord>(items: &mut [T]) {
    for root in (0..items.len() / 2).rev() {
        sift_down(items, root);
    }
    for end in (1..items.len()).rev() {
        swap(items, 0, end);
        sift_down(items.get_mut(..end).unwrap_or_default(), 0);
    }
}

/// Moves the item at `root` down until none of its two children is greater.
fn sift_down<T: Ord>(heap: &mut [T], mut root: usize) {
    loop {
        // A slice has fewer than `usize::MAX / 2` items that are not of size 0; beyond the end there is none.
        let left = root.saturating_mul(2).saturating_add(1);
        let right = left.saturating_add(1);
        let child = if heap.get(left) < heap.get(right) { right } else { left };
        if heap.get(child) <= heap.get(root) {
            return;
        }
        swap(heap, root, child);
        root = child;
    }
}

/// Swaps two items, the first of which is before the second.
fn swap<T>(items: &mut [T], first: usize, second: usize) {
    if let Some((head, tail)) = items.split_at_mut_checked(second) {
        if let (Some(first), Some(second)) = (head.get_mut(first), tail.first_mut()) {
            core::mem::swap(first, second);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sort;
    use std::vec::Vec;

    /// Against `core`'s, for every order of up to six items, equal ones among them.
    #[test]
    fn sort_as_core_does() {
        for len in 0..=6u32 {
            for number in 0..len.pow(len) {
                let mut items: Vec<u32> =
                    (0..len).map(|place| number / len.pow(place) % len).collect();
                let mut expected = items.clone();
                expected.sort_unstable();
                sort(&mut items);
                assert_eq!(items, expected);
            }
        }
    }

    #[test]
    fn sort_many() {
        let mut items: Vec<u32> =
            (0..10_000u32).map(|item| item.wrapping_mul(0x9E37_79B9)).collect();
        sort(&mut items);
        assert!(items.is_sorted());
    }
}
