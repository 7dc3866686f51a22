//! Estimates the cost of an expression by declared sizes, as `checker/cost.go` of `cel-go`.

use crate::ast::{Call, Comprehension, Expr, Kind, Literal};
use crate::checked::{Checked, Resolved};
use crate::cost::argument::{Argument, Estimate};
use crate::cost::estimator::{EntrySize, Estimator};
use crate::cost::functions::call_estimate;
use crate::cost::size::{CostEstimate, SizeEstimate};
use crate::price::{LIST, MAP, SELECT, STRUCT};
use crate::types::Type;

/// The cost of a compiled expression.
pub(crate) fn estimate(checked: &Checked) -> CostEstimate {
    Estimator::new(checked).cost(&checked.expr)
}

impl Estimator<'_> {
    fn cost(&mut self, expr: &Expr) -> CostEstimate {
        let fixed = CostEstimate::fixed;
        match &expr.kind {
            Kind::Literal(_) => CostEstimate::ZERO,
            Kind::Ident(name) => {
                let path = match self.local(name) {
                    Some(local) => local.path.clone(),
                    None => vec![name.clone()],
                };
                self.paths.insert(expr.id, path);
                fixed(SELECT)
            }
            Kind::Select(select) => {
                if let Resolved::Variable(_) | Resolved::Const(_) = self.checked.resolved(expr) {
                    return fixed(SELECT);
                }
                let cost = self.cost(&select.operand);
                if select.test {
                    return cost;
                }
                let mut path = self.path(&select.operand);
                path.push(select.field.clone());
                self.paths.insert(expr.id, path);
                match self.type_of(&select.operand) {
                    Type::Map(_) | Type::Object(_) | Type::Param(_) => cost.plus(fixed(SELECT)),
                    _ => cost,
                }
            }
            Kind::Call(call) => self.call(expr, call),
            Kind::List(elements) => {
                let mut cost = fixed(LIST);
                let mut value = SizeEstimate::EMPTY;
                for element in elements {
                    cost = cost.plus(self.cost(&element.value));
                    value = value.union(self.size_or_unknown(&element.value));
                }
                if elements.is_empty() {
                    value.min = 0;
                }
                self.entries.insert(
                    expr.id,
                    EntrySize {
                        is_list: true,
                        key: fixed(1),
                        value,
                    },
                );
                cost
            }
            Kind::Map(entries) => {
                let mut cost = fixed(MAP);
                let (mut key, mut value) = (SizeEstimate::EMPTY, SizeEstimate::EMPTY);
                for entry in entries {
                    cost = cost
                        .plus(self.cost(&entry.key))
                        .plus(self.cost(&entry.value));
                    key = key.union(self.size_or_unknown(&entry.key));
                    value = value.union(self.size_or_unknown(&entry.value));
                }
                if entries.is_empty() {
                    (key.min, value.min) = (0, 0);
                }
                self.entries.insert(
                    expr.id,
                    EntrySize {
                        is_list: false,
                        key,
                        value,
                    },
                );
                cost
            }
            Kind::Struct(make) => make.fields.iter().fold(fixed(STRUCT), |cost, field| {
                cost.plus(self.cost(&field.value))
            }),
            Kind::Comprehension(parts) if parts.is_bind() => self.bind(expr, parts),
            Kind::Comprehension(parts) => self.comprehension(expr, parts),
        }
    }

    fn call(&mut self, expr: &Expr, call: &Call) -> CostEstimate {
        let checked = self.checked;
        let (name, overloads, namespaced) = match checked.resolved(expr) {
            Resolved::Call(target) => (
                &*target.name,
                target
                    .overloads
                    .iter()
                    .map(|overload| overload.id)
                    .collect::<Vec<_>>(),
                target.namespaced,
            ),
            // as upstream, a folded conversion is estimated as a call
            _ => (&*call.function, Vec::new(), false),
        };
        let mut costs = Vec::with_capacity(call.args.len());
        for arg in &call.args {
            let cost = self.cost(arg);
            costs.push(cost);
        }
        let sum = costs
            .iter()
            .fold(CostEstimate::ZERO, |sum, cost| sum.plus(*cost));
        if name == "dyn" {
            if let [arg] = &call.args[..] {
                self.copy_sizes(expr, arg);
            }
            return sum.plus(CostEstimate::fixed(1));
        }
        if overloads.is_empty() {
            return sum.plus(CostEstimate::fixed(1));
        }
        let receiver = call.target.as_ref().filter(|_| !namespaced);
        let before = receiver.map_or(CostEstimate::ZERO, |target| self.cost(target));
        let mut total = CostEstimate::EMPTY;
        let mut size: Option<SizeEstimate> = None;
        for overload in overloads {
            let found = self.overload(expr, name, overload, receiver, &call.args, &costs);
            total = total.union(found.cost);
            if let Some(result) = found.size {
                size = Some(size.map_or(result, |size| size.union(result)));
            }
            if let (Some(step), [operand, ..]) = (index_step(overload), &call.args[..]) {
                size = self.entry_size(operand).map(|entries| entries.value);
                let mut path = self.path(operand);
                path.push(step.into());
                self.paths.insert(expr.id, path);
            }
            if size.is_none() {
                size = self.size(expr);
            }
        }
        if let Some(size) = size {
            self.sizes.insert(expr.id, size);
        }
        before.plus(total)
    }

    /// The estimate of one overload, including the costs of the arguments.
    fn overload(
        &mut self,
        expr: &Expr,
        name: &str,
        overload: &str,
        target: Option<&Expr>,
        args: &[Expr],
        costs: &[CostEstimate],
    ) -> Estimate {
        let sum = costs
            .iter()
            .fold(CostEstimate::ZERO, |sum, cost| sum.plus(*cost));
        match (overload, args, costs) {
            ("logical_and" | "logical_or", _, [a, b]) => {
                return Estimate::of(CostEstimate {
                    min: a.min,
                    max: a.plus(*b).max,
                });
            }
            ("conditional", [_, one, other], [condition, a, b]) => {
                let size = self.size_or_unknown(one).union(self.size_or_unknown(other));
                self.join_entries(expr, one, other);
                return Estimate {
                    cost: condition.plus(a.union(*b)),
                    size: Some(size),
                };
            }
            ("add_list" | "add_string" | "add_bytes", [a, b], _) => self.join_entries(expr, a, b),
            _ => {}
        }
        let target = target.map(|target| self.argument(target));
        let args: Vec<_> = args.iter().map(|arg| self.argument(arg)).collect();
        let mut found = call_estimate(
            &self.checked.variables,
            name,
            overload,
            target.as_ref(),
            &args,
        );
        found.cost = found.cost.plus(sum);
        found
    }

    fn argument(&mut self, expr: &Expr) -> Argument {
        let literal = match &expr.kind {
            Kind::Literal(Literal::Int(value)) => Some(*value),
            _ => None,
        };
        Argument {
            path: self.argument_path(expr),
            of: self.type_of(expr).clone(),
            size: self.size(expr),
            literal,
        }
    }

    fn join_entries(&mut self, expr: &Expr, a: &Expr, b: &Expr) {
        if let (Some(a), Some(b)) = (self.entry_size(a), self.entry_size(b)) {
            self.entries.insert(expr.id, a.union(b));
        }
    }

    fn bind(&mut self, expr: &Expr, parts: &Comprehension) -> CostEstimate {
        let mut cost = self.cost(&parts.range).plus(self.cost(&parts.init));
        self.push_value(parts.accu.clone(), &parts.init);
        cost = cost.plus(self.cost(&parts.result));
        self.copy_sizes(expr, &parts.result);
        self.locals.pop();
        cost
    }

    fn comprehension(&mut self, expr: &Expr, parts: &Comprehension) -> CostEstimate {
        let mut cost = self.cost(&parts.range).plus(self.cost(&parts.init));
        self.push_value(parts.accu.clone(), &parts.init);
        let depth = self.locals.len();
        self.push_variables(parts);
        let round = self.cost(&parts.condition).plus(self.cost(&parts.step));
        self.locals.truncate(depth);
        cost = cost.plus(self.cost(&parts.result));
        self.locals.pop();
        let rounds = self.size_or_unknown(&parts.range);
        cost = cost.plus(rounds.times(round));
        match &parts.init.kind {
            Kind::Literal(_) => {
                if let Some(size) = self.size(&parts.init) {
                    self.sizes.insert(expr.id, size);
                }
            }
            Kind::List(_) | Kind::Map(_) => {
                self.sizes.insert(expr.id, rounds);
                if let Some(entries) = self.entry_size(&parts.step) {
                    self.entries.insert(expr.id, entries);
                }
            }
            _ => {}
        }
        cost
    }
}

/// The path step of an index operation.
fn index_step(overload: &str) -> Option<&'static str> {
    match overload {
        "index_list" => Some("@items"),
        "index_map" => Some("@values"),
        _ => None,
    }
}
