//! What expressions of a program stand for.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use oxc_ast::ast::{
    Argument, ArrayExpressionElement, CallExpression, Expression, IdentifierReference, ObjectPropertyKind,
    StaticMemberExpression, TemplateLiteral,
};
use oxc_semantic::{Scoping, SymbolId};
use oxc_syntax::operator::BinaryOperator;

use super::{Imported, Kind};

/// How far an expression is followed.
const MAX_STEPS: u8 = 8;
/// Longest list of names that is followed.
const MAX_TEXTS: usize = 1_000;
/// Longest name.
const MAX_TEXT_BYTES: usize = 512;

/// What an expression stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    Global,
    Process,
    ProcessEnv,
    Deno,
    DenoEnv,
    HandlerEnv,
    Secrets,
    Text(Arc<str>),
    Texts(Arc<[Arc<str>]>),
    /// An object of this class, or the one object of this variable.
    Instance(SymbolId),
    /// A module, by its specifier.
    Module(Arc<str>),
}

impl Meaning {
    /// Whether it holds the values of variables.
    pub(super) fn is_environment(&self) -> bool {
        matches!(self, Self::ProcessEnv | Self::DenoEnv | Self::HandlerEnv)
    }

    /// How its properties are read.
    pub(super) fn properties(&self) -> Option<Kind> {
        match self {
            Self::ProcessEnv => Some(Kind::Env),
            Self::HandlerEnv => Some(Kind::Helper),
            _ => None,
        }
    }
}

/// What can be called.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Callable {
    Symbol(SymbolId),
    Method(SymbolId, String),
    /// A function of a module that is imported whole.
    Exported(Arc<str>, String),
    Default,
}

/// What one pass over the program leaves to the next.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// What variables stand for.
    pub(super) meanings: HashMap<SymbolId, Meaning>,
    /// What properties of a variable's object stand for.
    pub(super) fields: HashMap<(SymbolId, String), Meaning>,
    /// Functions that read the name given as these parameters.
    pub(super) wrappers: HashMap<Callable, BTreeSet<(usize, Kind)>>,
    /// What functions are given.
    pub(super) given: HashMap<(Callable, usize), Meaning>,
    /// Functions that are there.
    pub(super) callables: HashSet<Callable>,
    /// Variables called `secrets` that are something else.
    pub(super) other: HashSet<SymbolId>,
    /// The variable that is the module's default export.
    pub(super) default_export: Option<SymbolId>,
}

impl Known {
    /// Grows with what is known.
    pub(super) fn size(&self) -> usize {
        let wrappers: usize = self.wrappers.values().map(BTreeSet::len).sum();
        let sizes = [self.meanings.len(), self.fields.len(), self.given.len(), self.callables.len(), self.other.len()];
        wrappers + sizes.iter().sum::<usize>() + usize::from(self.default_export.is_some())
    }
}

/// Looks up meanings.
pub(super) struct Sense<'s> {
    pub(super) scoping: &'s Scoping,
    pub(super) imported: &'s Imported<'s>,
}

impl Sense<'_> {
    /// The variable that is meant.
    pub(super) fn symbol(&self, identifier: &IdentifierReference<'_>) -> Option<SymbolId> {
        self.scoping.get_reference(identifier.reference_id.get()?).symbol_id()
    }

    /// The variable, if the expression is its name.
    pub(super) fn symbol_of(&self, expression: &Expression<'_>) -> Option<SymbolId> {
        match expression.get_inner_expression() {
            Expression::Identifier(identifier) => self.symbol(identifier),
            _ => None,
        }
    }

    pub(super) fn meaning(&self, known: &Known, expression: &Expression<'_>) -> Option<Meaning> {
        self.follow(known, expression, MAX_STEPS)
    }

    fn follow(&self, known: &Known, expression: &Expression<'_>, steps: u8) -> Option<Meaning> {
        let steps = steps.checked_sub(1)?;
        match expression.get_inner_expression() {
            Expression::Identifier(identifier) => self.identifier(known, identifier),
            Expression::StaticMemberExpression(member) => self.static_member(known, member, steps),
            Expression::ComputedMemberExpression(member) => {
                let property = self.text(known, &member.expression, steps)?;
                self.property(known, &member.object, &property, steps)
            }
            Expression::ChainExpression(chain) => {
                let member = chain.expression.as_member_expression()?;
                self.property(known, member.object(), member.static_property_name()?, steps)
            }
            // `process.env ?? {}`
            Expression::LogicalExpression(logical) => self.follow(known, &logical.left, steps),
            Expression::AwaitExpression(awaited) => self.follow(known, &awaited.argument, steps),
            Expression::ImportExpression(import) => literal(&import.source).map(|source| module(&source)),
            Expression::CallExpression(call) => self.call(known, call, steps),
            Expression::NewExpression(new) => self.symbol_of(&new.callee).map(Meaning::Instance),
            Expression::ArrayExpression(array) => {
                let texts: Option<Vec<_>> = array.elements.iter().take(MAX_TEXTS + 1).map(element).collect();
                texts.filter(|texts| (1..=MAX_TEXTS).contains(&texts.len())).map(|texts| Meaning::Texts(texts.into()))
            }
            // `{ ...process.env }`
            Expression::ObjectExpression(object) => object.properties.iter().find_map(|property| match property {
                ObjectPropertyKind::SpreadProperty(spread) => {
                    self.follow(known, &spread.argument, steps).filter(Meaning::is_environment)
                }
                ObjectPropertyKind::ObjectProperty(_) => None,
            }),
            other => self.text(known, other, steps).map(|text| Meaning::Text(text.as_ref().into())),
        }
    }

    fn identifier(&self, known: &Known, identifier: &IdentifierReference<'_>) -> Option<Meaning> {
        let symbol = self.symbol(identifier);
        if let Some(meaning) = symbol.and_then(|symbol| known.meanings.get(&symbol)) {
            return Some(meaning.clone());
        }
        // a variable of that name that nothing is known of is most likely the same thing, handed in
        match identifier.name.as_str() {
            "process" => Some(Meaning::Process),
            "Deno" => Some(Meaning::Deno),
            "secrets" => symbol.is_none_or(|symbol| !known.other.contains(&symbol)).then_some(Meaning::Secrets),
            "globalThis" | "global" | "window" | "self" if symbol.is_none() => Some(Meaning::Global),
            _ => None,
        }
    }

    fn static_member(&self, known: &Known, member: &StaticMemberExpression<'_>, steps: u8) -> Option<Meaning> {
        self.property(known, &member.object, &member.property.name, steps)
    }

    fn property(&self, known: &Known, object: &Expression<'_>, property: &str, steps: u8) -> Option<Meaning> {
        if let Some(symbol) = self.symbol_of(object)
            && let Some(meaning) = known.fields.get(&(symbol, property.to_owned()))
        {
            return Some(meaning.clone());
        }
        if matches!(object.get_inner_expression(), Expression::ImportMeta(_)) {
            return (property == "env").then_some(Meaning::ProcessEnv);
        }
        match (self.follow(known, object, steps), property) {
            (Some(Meaning::Process), "env") => Some(Meaning::ProcessEnv),
            (Some(Meaning::Process), "default") | (Some(Meaning::Global), "process") => Some(Meaning::Process),
            (Some(Meaning::Deno), "env") => Some(Meaning::DenoEnv),
            (Some(Meaning::Global), "Deno") => Some(Meaning::Deno),
            (Some(Meaning::Module(specifier)), name) => self.exported(&specifier, name),
            (Some(Meaning::ProcessEnv | Meaning::HandlerEnv), _) => None,
            (_, "secrets") => Some(Meaning::Secrets),
            _ => None,
        }
    }

    /// What a module's export stands for.
    pub(super) fn exported(&self, specifier: &str, name: &str) -> Option<Meaning> {
        self.imported.get(specifier).and_then(|exports| exports.meaning(name))
    }

    fn call(&self, known: &Known, call: &CallExpression<'_>, steps: u8) -> Option<Meaning> {
        let first = call.arguments.first().and_then(Argument::as_expression);
        if let Expression::Identifier(callee) = call.callee.get_inner_expression()
            && callee.name == "require"
        {
            return first.and_then(literal).map(|source| module(&source));
        }
        if let Some(member) = call.callee.get_inner_expression().as_member_expression() {
            let of = self.follow(known, member.object(), steps);
            if matches!((of, member.static_property_name()), (Some(Meaning::DenoEnv), Some("toObject"))) {
                return Some(Meaning::ProcessEnv);
            }
        }
        // what bundlers write around `require("node:process")`
        match self.follow(known, first?, steps) {
            Some(meaning @ (Meaning::Process | Meaning::Module(_))) => Some(meaning),
            _ => None,
        }
    }

    /// The text that an expression is, put together from constants.
    fn text<'e>(&self, known: &Known, expression: &'e Expression<'_>, steps: u8) -> Option<Cow<'e, str>> {
        let steps = steps.checked_sub(1)?;
        let joined = match expression.get_inner_expression() {
            Expression::StringLiteral(text) => return Some(Cow::Borrowed(text.value.as_str())),
            Expression::TemplateLiteral(template) => self.template(known, template, steps)?,
            Expression::BinaryExpression(binary) if binary.operator == BinaryOperator::Addition => {
                let left = self.text(known, &binary.left, steps)?;
                left.into_owned() + &self.text(known, &binary.right, steps)?
            }
            Expression::Identifier(_) | Expression::StaticMemberExpression(_) => {
                let Some(Meaning::Text(text)) = self.follow(known, expression, steps) else { return None };
                text.to_string()
            }
            _ => return None,
        };
        (joined.len() <= MAX_TEXT_BYTES).then_some(Cow::Owned(joined))
    }

    fn template(&self, known: &Known, template: &TemplateLiteral<'_>, steps: u8) -> Option<String> {
        if template.expressions.len() > usize::from(MAX_STEPS) {
            return None;
        }
        let mut joined = String::new();
        for (index, part) in template.quasis.iter().enumerate() {
            joined.push_str(part.value.cooked.as_ref()?);
            if let Some(hole) = template.expressions.get(index) {
                joined.push_str(&self.text(known, hole, steps)?);
            }
        }
        Some(joined)
    }
}

fn element(element: &ArrayExpressionElement<'_>) -> Option<Arc<str>> {
    literal(element.as_expression()?).map(|text| text.as_ref().into())
}

/// A module by its specifier.
pub(super) fn module(specifier: &str) -> Meaning {
    match specifier {
        "node:process" | "process" => Meaning::Process,
        other => Meaning::Module(other.into()),
    }
}

/// A text that stands there as it is.
pub(super) fn literal<'e>(expression: &'e Expression<'_>) -> Option<Cow<'e, str>> {
    match expression.get_inner_expression() {
        Expression::StringLiteral(text) => Some(Cow::Borrowed(text.value.as_str())),
        Expression::TemplateLiteral(template) => template.single_quasi().map(|text| Cow::Owned(text.to_string())),
        _ => None,
    }
}
