//! Circles in a graph: its strongly connected components of more than one node.

/// The circles of a graph whose node N has arrows to `arrows[N]`; the largest first, each in ascending order.
pub(super) fn circles(arrows: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let reached: Vec<Vec<bool>> = (0..arrows.len())
        .map(|start| reached_from(start, arrows))
        .collect();
    let mut circles: Vec<Vec<usize>> = Vec::new();
    let mut is_placed = vec![false; arrows.len()];
    for node in 0..arrows.len() {
        if is_placed[node] {
            continue;
        }
        let circle: Vec<usize> = (0..arrows.len())
            .filter(|&other| reached[node][other] && reached[other][node])
            .collect();
        for &member in &circle {
            is_placed[member] = true;
        }
        if circle.len() > 1 {
            circles.push(circle);
        }
    }
    circles.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
    circles
}

/// Which nodes can be reached from `start`, itself only if it is on a circle.
fn reached_from(start: usize, arrows: &[Vec<usize>]) -> Vec<bool> {
    let mut is_reached = vec![false; arrows.len()];
    let mut open = vec![start];
    while let Some(node) = open.pop() {
        for &next in &arrows[node] {
            if !std::mem::replace(&mut is_reached[next], true) {
                open.push(next);
            }
        }
    }
    is_reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_found_and_apart_from_what_leads_to_them() {
        let arrows = [vec![1], vec![2, 3], vec![1], vec![4], vec![5], vec![3], vec![]];
        assert_eq!(circles(&arrows), [vec![3, 4, 5], vec![1, 2]]);
    }
}
