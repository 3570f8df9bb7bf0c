use crate::Checks;

pub(crate) fn run(_checks: &mut Checks<'_>) {}
