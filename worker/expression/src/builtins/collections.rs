//! `all any len max min sorted sum`.

use super::numbers::index;
use crate::budget::Budget;
use crate::error::{Result, overflow, type_error, unsupported, value_error};
use crate::object::Object;
use crate::object::arguments::CallArguments;
use crate::object::compare::Comparison;
use crate::object::iterate::{Cursor, collect, length};
use crate::object::sort::merge_sort;
use crate::operator::arithmetic::{BinaryOperator, binary};
use crate::operator::comparison::compare;

pub(super) fn any(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    truth(arguments, true, budget)
}

pub(super) fn all(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    truth(arguments, false, budget)
}

/// Looks for the first item with the decisive truth value.
fn truth(arguments: &CallArguments<'_>, decisive: bool, budget: &mut Budget) -> Result<Object> {
    let mut cursor = Cursor::new(arguments.one()?.clone())?;
    while let Some(item) = cursor.next(budget)? {
        if item.is_true() == decisive {
            return Ok(Object::Bool(decisive));
        }
    }
    Ok(Object::Bool(!decisive))
}

pub(super) fn len(arguments: &CallArguments<'_>, _: &mut Budget) -> Result<Object> {
    let value = arguments.one()?;
    match length(value) {
        Some(length) => match i64::try_from(length) {
            Ok(length) => Ok(Object::Int(length)),
            Err(_) => Err(overflow("Python int too large to convert to C ssize_t")),
        },
        None => Err(type_error(format!(
            "object of type '{}' has no len()",
            value.type_name()
        ))),
    }
}

pub(super) fn max(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    extreme(arguments, Comparison::Greater, budget)
}

pub(super) fn min(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    extreme(arguments, Comparison::Less, budget)
}

/// The first item that is at least as good as all others.
fn extreme(arguments: &CallArguments<'_>, better: Comparison, budget: &mut Budget) -> Result<Object> {
    let name = arguments.function();
    if arguments.positional().is_empty() {
        return Err(type_error(format!("{name} expected at least 1 argument, got 0")));
    }
    let mut default = None;
    for (keyword, value) in arguments.named() {
        match keyword {
            "default" => default = Some(value),
            "key" => reject_key(value)?,
            other => return Err(arguments.unknown(other)),
        }
    }
    let mut best: Option<Object> = None;
    let mut consider = |item: Object, budget: &mut Budget| -> Result<()> {
        let wins = match &best {
            Some(best) => compare(better, &item, best, budget)?,
            None => true,
        };
        if wins {
            best = Some(item);
        }
        Ok(())
    };
    match arguments.positional() {
        [source] => {
            let mut cursor = Cursor::new(source.clone())?;
            while let Some(item) = cursor.next(budget)? {
                consider(item, budget)?;
            }
        }
        _ if default.is_some() => {
            return Err(type_error(format!(
                "Cannot specify a default for {name}() with multiple positional arguments"
            )));
        }
        several => {
            for item in several {
                consider(item.clone(), budget)?;
            }
        }
    }
    match best.or_else(|| default.cloned()) {
        Some(best) => Ok(best),
        None => Err(value_error(format!("{name}() arg is an empty sequence"))),
    }
}

fn reject_key(value: &Object) -> Result<()> {
    if matches!(value, Object::None) {
        Ok(())
    } else {
        Err(unsupported("key functions"))
    }
}

pub(super) fn sorted(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    let [source, key, reverse] = arguments.bind(["", "key", "reverse"], 1, 1)?;
    let source = source.unwrap_or(&Object::None);
    Cursor::new(source.clone())?;
    key.map_or(Ok(()), reject_key)?;
    let reverse = match reverse {
        None => false,
        Some(reverse) => {
            let flag = index(reverse)?;
            let fits = flag.small().is_some_and(|flag| i32::try_from(flag).is_ok());
            if !fits {
                return Err(overflow("Python int too large to convert to C int"));
            }
            !flag.is_zero()
        }
    };
    let mut items = collect(source, budget)?;
    // Reversing the list before and after keeps equal items in their order.
    if reverse {
        items.reverse();
    }
    merge_sort(&mut items, |left, right| {
        compare(Comparison::Less, left, right, budget)
    })?;
    if reverse {
        items.reverse();
    }
    Object::list(items, budget)
}

pub(super) fn sum(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    let [source, start] = arguments.bind(["", "start"], 2, 1)?;
    let source = source.unwrap_or(&Object::None);
    let mut cursor = Cursor::new(source.clone())?;
    let mut total = start.cloned().unwrap_or(Object::Int(0));
    if matches!(total, Object::Str(_)) {
        return Err(type_error("sum() can't sum strings [use ''.join(seq) instead]"));
    }
    while let Some(item) = cursor.next(budget)? {
        total = binary(BinaryOperator::Add, &total, &item, budget)?;
    }
    Ok(total)
}
