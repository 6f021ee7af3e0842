//! One pass over a program: what it carries along, and the steps that need more than a look.

use std::collections::{BTreeSet, HashMap, HashSet};

use oxc_ast::ast::{
    AssignmentTarget, AssignmentTargetProperty, Class, Declaration, Expression, ObjectExpression, ObjectPropertyKind,
    Program,
};
use oxc_ast_visit::{Visit, walk};
use oxc_semantic::{Scoping, SymbolId};
use oxc_span::GetSpan as _;

use super::meaning::{Callable, Known, Meaning, Sense};
use super::{Import, Imported, Kind, Read, References};

/// Most reads that are listed with their places.
const MAX_LISTED: usize = 10_000;

pub(super) struct Finder<'s> {
    pub(super) sense: Sense<'s>,
    pub(super) known: Known,
    pub(super) found: References,
    /// Functions around this place that do not run while the module loads.
    deferred: usize,
    pub(super) next_name: Option<Callable>,
    pub(super) next_runs: bool,
    /// The class or object around this place.
    pub(super) owner: Option<SymbolId>,
    /// Whose parameter a variable is.
    pub(super) parameter_of: HashMap<SymbolId, (Callable, usize)>,
    /// Where environments stand whose way is followed.
    pub(super) handled: HashSet<u32>,
    pub(super) exported: Vec<(String, SymbolId)>,
}

impl<'s> Finder<'s> {
    pub(super) fn new(scoping: &'s Scoping, imported: &'s Imported<'s>, known: Known) -> Self {
        Self {
            sense: Sense { scoping, imported },
            known,
            found: References::default(),
            deferred: 0,
            next_name: None,
            next_runs: false,
            owner: None,
            parameter_of: HashMap::new(),
            handled: HashSet::new(),
            exported: Vec::new(),
        }
    }

    pub(super) fn run(&mut self, program: &Program<'_>) {
        self.visit_program(program);
    }

    /// What was found.
    pub(super) fn finish(mut self) -> References {
        let callables = self.exported.iter().map(|(name, symbol)| (name.clone(), Callable::Symbol(*symbol)));
        let default = std::iter::once(("default".to_owned(), Callable::Default));
        for (name, callable) in default.chain(callables) {
            let meaning = match &callable {
                Callable::Symbol(symbol) => self.known.meanings.get(symbol),
                _ => None,
            };
            self.found.exports.add(name, meaning, self.known.wrappers.get(&callable));
        }
        self.found
    }

    /// Remembers what a variable stands for. Two texts are none.
    pub(super) fn learn(&mut self, symbol: SymbolId, meaning: &Meaning) {
        let is_name = matches!(meaning, Meaning::Text(_));
        if !(is_name && self.sense.scoping.symbol_is_mutated(symbol)) {
            self.known.meanings.entry(symbol).or_insert_with(|| meaning.clone());
        }
    }

    pub(super) fn read(&mut self, kind: Kind, name: &str, offset: u32) {
        match kind {
            Kind::Env => self.found.env.insert(name.to_owned()),
            Kind::Helper => self.found.helper.insert(name.to_owned()),
        };
        if self.deferred == 0 {
            self.found.module_level.insert(name.to_owned());
        }
        if self.found.reads.len() < MAX_LISTED {
            self.found.reads.push(Read { name: name.to_owned(), kind, offset });
        }
    }

    /// A read whose name is an expression: a text, a parameter of a function around it, or unknown.
    pub(super) fn read_named_by(&mut self, kind: Kind, name: &Expression<'_>) {
        let offset = name.span().start;
        match self.sense.meaning(&self.known, name) {
            Some(Meaning::Text(text)) => return self.read(kind, &text, offset),
            Some(Meaning::Texts(texts)) => return texts.iter().for_each(|text| self.read(kind, text, offset)),
            _ => {}
        }
        let parameter = self.sense.symbol_of(name).and_then(|symbol| self.parameter_of.get(&symbol)).cloned();
        match parameter {
            Some((function, index)) => {
                self.known.wrappers.entry(function).or_default().insert((index, kind));
            }
            None => self.unknown(kind, offset),
        }
    }

    pub(super) fn unknown(&mut self, kind: Kind, offset: u32) {
        self.found.dynamic_env |= kind == Kind::Env;
        if self.found.dynamic.len() < MAX_LISTED {
            self.found.dynamic.push(offset);
        }
    }

    pub(super) fn import(&mut self, specifier: &str, offset: u32) {
        if self.found.imports.len() < MAX_LISTED {
            self.found.imports.push(Import { specifier: specifier.to_owned(), offset });
        }
    }

    /// Walks into a function that is called so.
    pub(super) fn function(&mut self, own: Option<Callable>, walk: impl FnOnce(&mut Self, Option<&Callable>)) {
        let name = self.next_name.take().or(own);
        if let Some(name) = &name {
            self.known.callables.insert(name.clone());
        }
        let is_deferred = !std::mem::take(&mut self.next_runs);
        self.deferred += usize::from(is_deferred);
        walk(self, name.as_ref());
        self.deferred -= usize::from(is_deferred);
    }

    /// Walks into an object that belongs to a variable.
    pub(super) fn object(&mut self, owner: SymbolId, object: &ObjectExpression<'_>) {
        let is_default = self.known.default_export == Some(owner);
        let outer = self.owner.replace(owner);
        for property in &object.properties {
            let ObjectPropertyKind::ObjectProperty(property) = property else {
                self.visit_object_property_kind(property);
                continue;
            };
            let Some(key) = property.key.static_name() else {
                self.visit_object_property(property);
                continue;
            };
            if is_function(&property.value) {
                self.next_name = Some(Callable::Method(owner, key.to_string()));
                if is_default && key == "fetch" {
                    self.known.given.insert((Callable::Method(owner, key.to_string()), 1), Meaning::HandlerEnv);
                }
            } else if let Some(wrapped) = self.wrapper_of(&property.value) {
                let method = Callable::Method(owner, key.to_string());
                self.known.wrappers.entry(method).or_default().extend(wrapped);
                continue;
            } else if let Some(meaning) = self.sense.meaning(&self.known, &property.value) {
                let is_text = matches!(meaning, Meaning::Text(_) | Meaning::Texts(_));
                self.known.fields.insert((owner, key.to_string()), meaning);
                if !is_text {
                    continue;
                }
            }
            self.visit_expression(&property.value);
            self.next_name = None;
        }
        self.owner = outer;
    }

    /// `const name = init`, `name = init`.
    pub(super) fn assign(&mut self, symbol: Option<SymbolId>, init: &Expression<'_>) {
        match (init.get_inner_expression(), symbol) {
            (Expression::ObjectExpression(object), Some(symbol)) => {
                self.known.other.insert(symbol);
                return self.object(symbol, object);
            }
            (Expression::NewExpression(_) | Expression::ArrayExpression(_), Some(symbol)) => {
                self.known.other.insert(symbol);
            }
            (Expression::ClassExpression(class), Some(symbol)) => return self.class(Some(symbol), class),
            (Expression::Identifier(_), Some(symbol)) => {
                if let Some(wrapped) = self.wrapper_of(init) {
                    self.known.wrappers.entry(Callable::Symbol(symbol)).or_default().extend(wrapped);
                    return;
                }
            }
            (other, Some(symbol)) if is_function(other) => self.next_name = Some(Callable::Symbol(symbol)),
            _ => {}
        }
        self.visit_expression(init);
        self.next_name = None;
    }

    /// What a function that is named here reads of its parameters.
    fn wrapper_of(&self, expression: &Expression<'_>) -> Option<BTreeSet<(usize, Kind)>> {
        let symbol = self.sense.symbol_of(expression)?;
        self.known.wrappers.get(&Callable::Symbol(symbol)).cloned()
    }

    pub(super) fn class(&mut self, name: Option<SymbolId>, class: &Class<'_>) {
        let own = class.id.as_ref().and_then(|id| id.symbol_id.get());
        let outer = std::mem::replace(&mut self.owner, name.or(own));
        walk::walk_class(self, class);
        self.owner = outer;
    }

    /// `module.exports = …`, `exports.name = …`.
    pub(super) fn common_js(&mut self, target: &AssignmentTarget<'_>, value: &Expression<'_>) {
        let AssignmentTarget::StaticMemberExpression(member) = target else { return };
        let Expression::Identifier(object) = member.object.get_inner_expression() else { return };
        if !matches!((object.name.as_str(), member.property.name.as_str()), ("module", "exports") | ("exports", _)) {
            return;
        }
        let name = if object.name == "exports" { member.property.name.as_str() } else { "default" };
        if let Some(symbol) = self.sense.symbol_of(value) {
            self.handled.insert(value.span().start);
            self.exported.push((name.to_owned(), symbol));
        }
        if let Expression::ObjectExpression(object) = value.get_inner_expression() {
            for property in &object.properties {
                let ObjectPropertyKind::ObjectProperty(property) = property else { continue };
                if let (Some(key), Some(symbol)) = (property.key.static_name(), self.sense.symbol_of(&property.value)) {
                    self.handled.insert(property.value.span().start);
                    self.exported.push((key.to_string(), symbol));
                }
            }
        }
    }

    /// Names that are exported where they are declared.
    pub(super) fn declared(&mut self, declaration: &Declaration<'_>) {
        let mut export = |name: &str, symbol: Option<SymbolId>| {
            self.exported.extend(symbol.map(|symbol| (name.to_owned(), symbol)));
        };
        match declaration {
            Declaration::VariableDeclaration(variables) => {
                for identifier in variables.declarations.iter().flat_map(|each| each.id.get_binding_identifiers()) {
                    export(&identifier.name, identifier.symbol_id.get());
                }
            }
            Declaration::FunctionDeclaration(function) => {
                if let Some(id) = &function.id {
                    export(&id.name, id.symbol_id.get());
                }
            }
            _ => {}
        }
    }
}

pub(super) fn is_function(expression: &Expression<'_>) -> bool {
    let expression = expression.get_inner_expression();
    matches!(expression, Expression::FunctionExpression(_) | Expression::ArrowFunctionExpression(_))
}

impl Finder<'_> {
    /// `export default { fetch(request, env) { … } }`.
    pub(super) fn default_object(&mut self, object: &ObjectExpression<'_>) {
        for property in &object.properties {
            if let ObjectPropertyKind::ObjectProperty(property) = property
                && property.key.static_name().as_deref() == Some("fetch")
                && is_function(&property.value)
            {
                self.known.given.insert((Callable::Default, 1), Meaning::HandlerEnv);
                self.next_name = Some(Callable::Default);
            }
            self.visit_object_property_kind(property);
            self.next_name = None;
        }
    }
}

/// The name that a part of an assignment's pattern takes.
pub(super) fn taken(property: &AssignmentTargetProperty<'_>) -> Option<(String, u32)> {
    match property {
        AssignmentTargetProperty::AssignmentTargetPropertyIdentifier(plain) => {
            Some((plain.binding.name.to_string(), plain.span.start))
        }
        AssignmentTargetProperty::AssignmentTargetPropertyProperty(named) => {
            Some((named.name.static_name()?.to_string(), named.span.start))
        }
    }
}
