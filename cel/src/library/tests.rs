//! The examples of Kubernetes' documentation of its functions and of upstream's tests.

use std::sync::Mutex;

use serde_json::json;

use crate::{
    Activation, Attributes, Authorizer, Decision, DeclType, Environment, SchemaRoot, decl_type,
};

/// The value of an expression as text, or its error.
fn value(expression: &str) -> String {
    let program = Environment::new(37).compile(expression);
    let program = program.unwrap_or_else(|error| panic!("{expression}: {error}"));
    let activation = Activation::new();
    match program.evaluate(&activation, 1_000_000).result {
        Ok(value) => crate::to_json(&value).map_or_else(|e| e.to_string(), |json| json.to_string()),
        Err(error) => error.to_string(),
    }
}

fn hold(expressions: &[&str]) {
    for expression in expressions {
        assert_eq!(value(expression), "true", "{expression}");
    }
}

#[test]
fn lists() {
    hold(&[
        "[1, 2, 2].isSorted() && !['b', 'a'].isSorted() && [].isSorted()",
        "[1, 3].sum() == 4 && [1.5, 2.5].sum() == 4.0 && [duration('1s'), duration('2s')].sum() == duration('3s')",
        "[1, 3].max() == 3 && ['b', 'a'].min() == 'a'",
        "[1, 2, 2, 3].indexOf(2) == 1 && [1, 2, 2, 3].lastIndexOf(2) == 2 && [1].indexOf(9) == -1",
        "[1, 2].includes(2) && !'abc'.includes('b') && 'a'.includes('a')",
        "[1, 2, 3, 4].slice(1, 3) == [2, 3]",
        "[[1], [2, 3]].flatten() == [1, 2, 3]",
        "[3, 1, 2].sort() == [1, 2, 3] && ['b', 'a'].sortBy(x, x) == ['a', 'b']",
        "[1, 2, 1].distinct() == [1, 2] && [1, 2].reverse() == [2, 1] && lists.range(3) == [0, 1, 2]",
        "sets.contains([1, 2], [2]) && sets.equivalent([1, 2, 2], [2, 1]) && !sets.intersects([1], [2])",
    ]);
    assert_eq!(value("[].map(x, 1).max()"), "max called on empty list");
    assert_eq!(
        value("[1].slice(0, 2)"),
        "cannot slice(0, 2), list is length 1"
    );
}

#[test]
fn strings_and_regexes() {
    hold(&[
        "'tacocat'.charAt(3) == 'o' && 'tacocat'.charAt(7) == ''",
        "'hello mellow'.indexOf('ello', 2) == 7 && 'hello mellow'.lastIndexOf('ello', 6) == 1",
        "'hello hello'.replace('he', 'we', 1) == 'wello hello'",
        "'a,b,c'.split(',', 2) == ['a', 'b,c'] && 'abc'.split('') == ['a', 'b', 'c']",
        "'tacocat'.substring(0, 4) == 'taco' && '  a\\n'.trim() == 'a' && 'TacoCÆt'.lowerAscii() == 'tacocÆt'",
        "['a', 'b'].join('-') == 'a-b' && strings.quote('a\"b') == '\"a\\\\\"b\"'",
        "'abc 123'.find('[0-9]+') == '123' && 'abc'.find('[0-9]+') == ''",
        "'123 abc 456'.findAll('[0-9]+') == ['123', '456'] && '1 2 3'.findAll('[0-9]', 2) == ['1', '2']",
        "'k8s'.matches('^k[0-9]s$') && !'é'.matches('^\\\\w$')",
        "'%d%% of %s, %.2f, %x, %b, %o'.format([dyn(50), 'all', 1234.5, 255, 5, 8]) == '50% of all, 1,234.50, ff, 101, 10'",
        "'%s'.format([['a', 'b']]) == '[\"a\", \"b\"]' && '%s'.format([{'k': 1}]) == '{\"k\":1}'",
        "'%s %s'.format([dyn(duration('90s')), timestamp('2020-01-01T00:00:00Z')]) == '90s 2020-01-01T00:00:00Z'",
        "'%X'.format([b'\\xab']) == 'AB' && '%e'.format([1052.03]) == '1.052030×10⁰³'",
    ]);
    assert_eq!(
        value("'abc'.substring(2, 1)"),
        "invalid substring range. start: 2, end: 1"
    );
    assert_eq!(value("'abc'.charAt(9)"), "index out of range: 9");
    assert_eq!(
        value("'a'.find(dyn('['))"),
        "Illegal regex: error parsing regexp: missing closing ]: `[`"
    );
    assert_eq!(value("'%d'.format([])"), "index 0 out of range");
    assert_eq!(
        value("'%d'.format(['a'])"),
        "error during formatting: decimal clause can only be used on integers, was given string"
    );
}

#[test]
fn urls() {
    hold(&[
        "url('https://example.com:80/').getHost() == 'example.com:80'",
        "url('https://[::1]:80/').getHostname() == '::1' && url('https://example.com/').getPort() == ''",
        "url('https://example.com/path with spaces/').getEscapedPath() == '/path%20with%20spaces/'",
        "url('https://example.com/path?k1=a&k2=b&k2=c').getQuery() == {'k1': ['a'], 'k2': ['b', 'c']}",
        "isURL('https://user:pass@example.com/p?q=s') && isURL('/abs') && !isURL('../relative')",
        "url('/path').getScheme() == '' && url('https://a/b') == url('https://a/b')",
    ]);
}

#[test]
fn quantities() {
    hold(&[
        "isQuantity('1.3G') && isQuantity('1300Mi') && !isQuantity('1.3g') && !isQuantity('200K')",
        "quantity('200M') == quantity('0.2G') && quantity('50Mi').isGreaterThan(quantity('50M'))",
        "quantity('50k').add(20).sub(quantity('100k')).sub(-50000) == quantity('20')",
        "quantity('50000000G').isInteger() && !quantity('9999999999999999999999999999999999999G').isInteger()",
        "quantity('50k').asInteger() == 50000 && quantity('50.703k').asApproximateFloat() == 50703.0",
        "quantity('200M').compareTo(quantity('0.3G')) == -1 && sign(quantity('-5')) == -1",
    ]);
    assert_eq!(
        value("quantity('ten')"),
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    );
}

#[test]
fn addresses_and_networks() {
    hold(&[
        "isIP('127.0.0.1') && isIP('::1') && !isIP('127.0.0.256') && !isIP('::ffff:1.2.3.4') && !isIP('fe80::1%eth0')",
        "ip.isCanonical('2001:db8::abcd') && !ip.isCanonical('2001:DB8::ABCD')",
        "ip('127.0.0.1').family() == 4 && ip('::1').isLoopback() && ip('0.0.0.0').isUnspecified()",
        "ip('224.0.0.1').isLinkLocalMulticast() && ip('ff02::1').isLinkLocalMulticast() && !ip('224.0.1.1').isLinkLocalMulticast()",
        "ip('169.254.169.254').isLinkLocalUnicast() && ip('192.168.0.1').isGlobalUnicast() && !ip('255.255.255.255').isGlobalUnicast()",
        "cidr('192.168.0.0/24').containsIP('192.168.0.1') && !cidr('192.168.0.0/24').containsIP(ip('192.168.1.1'))",
        "cidr('192.168.0.0/16').containsCIDR('192.168.10.0/24') && !cidr('192.168.1.0/24').containsCIDR(cidr('192.168.0.0/16'))",
        "cidr('192.168.1.7/24').masked() == cidr('192.168.1.0/24') && cidr('::1/128').prefixLength() == 128",
        "cidr('192.168.1.7/24').ip() == ip('192.168.1.7') && string(cidr('10.0.0.0/8')) == '10.0.0.0/8'",
        "isCIDR('10.0.0.0/8') && !isCIDR('10.0.0.0/33') && !isCIDR('10.0.0.0/08') && cidr('0.0.0.0/0').containsIP('1.2.3.4')",
        "type(ip('::1')) == net.IP && string(ip('::1')) == '::1'",
    ]);
    assert_eq!(
        value("ip('fe80::1%eth0')"),
        "IP address \"fe80::1%eth0\" with zone value is not allowed"
    );
}

#[test]
fn versions() {
    hold(&[
        "isSemver('1.0.0') && !isSemver('v1.0') && isSemver('v1.0', true) && !isSemver('1.01.1') && isSemver('1.01.1', true)",
        "semver('1.2.3').major() == 1 && semver('1.2.3').minor() == 2 && semver('1.2.3').patch() == 3",
        "semver('1.2.3').isLessThan(semver('1.10.0')) && semver('1.0.0-alpha.1').isLessThan(semver('1.0.0-alpha.beta'))",
        "semver('1.0.0+a') == semver('1.0.0+b') && semver('1.0.0').isGreaterThan(semver('1.0.0-rc.1'))",
        "semver('v1.2', true).compareTo(semver('1.2.0')) == 0 && !isSemver('1.2-rc', true)",
    ]);
}

#[test]
fn formats() {
    hold(&[
        "!format.dns1123Label().validate('my-label').hasValue() && format.dns1123Label().validate('My').hasValue()",
        "!format.dns1123LabelPrefix().validate('my-label-').hasValue()",
        "!format.named('labelValue').value().validate('').hasValue() && !format.named('unknown').hasValue()",
        "!format.uuid().validate('123e4567-e89b-12d3-a456-426614174000').hasValue()",
        "!format.date().validate('2021-01-01').hasValue() && format.date().validate('2021-1-1').hasValue()",
        "format.byte().validate('!').value() == ['invalid base64'] && !format.uri().validate('/a').hasValue()",
        "format.dns1123Label() == format.named('dns1123Label').value()",
    ]);
}

#[test]
fn optionals() {
    hold(&[
        "optional.of(1).hasValue() && !optional.none().hasValue() && optional.ofNonZeroValue('') == optional.none()",
        "{'a': {'b': 1}}.?a.?b.value() == 1 && !{'a': 1}.?b.hasValue() && [1][?1].orValue(7) == 7",
        "optional.none().or(optional.of(2)).value() == 2 && optional.of(1).optMap(x, x + 1).value() == 2",
        "optional.of(1).optFlatMap(x, optional.of(x + 1)).value() == 2 && [?optional.none(), 1] == [1]",
        "{?'a': optional.none(), 'b': 1} == {'b': 1} && has({'a': 1}.a)",
    ]);
    assert_eq!(
        value("optional.none().value()"),
        "optional.none() dereference"
    );
}

#[test]
fn errors_have_the_messages_of_cel_go() {
    for (expression, wanted) in [
        ("1 / 0", "division by zero"),
        ("1 % 0", "modulus by zero"),
        ("9223372036854775807 + 1", "integer overflow"),
        ("0u - 1u", "unsigned integer overflow"),
        ("[1][1]", "index out of bounds: 1"),
        ("{'a': 1}['b']", "no such key: b"),
        ("{'a': 1}.b", "no such key: b"),
        ("dyn(1) + dyn('a')", "no such overload"),
        (
            "int('a')",
            "strconv.ParseInt: parsing \"a\": invalid syntax",
        ),
        ("false && 1 / 0 > 0", "false"),
        ("1 / 0 > 0 || true", "true"),
        ("[1, 0].exists(x, 1 / x > 0)", "true"),
        ("[0, 1].all(x, 1 / x > 2)", "false"),
        ("[0].all(x, 1 / x > 2)", "division by zero"),
        ("[0, 1].map(x, 1 / x)", "division by zero"),
        ("{'a': 1, 'a': 2}", "insert failed: key a already exists"),
    ] {
        assert_eq!(value(expression), wanted, "{expression}");
    }
}

#[test]
fn data_has_the_types_of_its_schema() {
    let schema = json!({"type": "object", "properties": {
        "when": {"type": "string", "format": "date-time"}, "day": {"type": "string", "format": "date"},
        "wait": {"type": "string", "format": "duration"}, "data": {"type": "string", "format": "byte"},
        "ratio": {"type": "number"}, "a-b": {"type": "integer"}, "port": {"x-kubernetes-int-or-string": true},
        "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        "missing": {"type": "string"}}});
    let decl = decl_type(&schema, SchemaRoot::Part, "self").unwrap();
    let environment = Environment::new(37)
        .with_variable("self", decl.clone())
        .with_optional_variable("oldSelf", decl);
    let data = json!({"when": "2020-01-01T02:00:00Z", "day": "2020-01-02", "wait": "1m", "data": "YQ==", "ratio": 1,
        "a-b": 2, "port": "80%", "tags": ["a", "b"]});
    for expression in [
        "self.when.getHours() == 2 && self.when.getHours('+01:30') == 3 && self.when < self.day",
        "self.wait == duration('60s') && self.data == b'a' && self.ratio == 1.0 && type(self.ratio) == double",
        "self.a__dash__b == 2 && (type(self.port) == string ? self.port == '80%' : false)",
        "self.tags == ['b', 'a'] || self.tags + ['b', 'c'] == ['a', 'b', 'c']",
        "!has(self.missing) && !self.?missing.hasValue()",
        "!oldSelf.hasValue() && oldSelf.?tags.orValue([]) == []",
    ] {
        let program = environment
            .compile_condition(expression)
            .unwrap_or_else(|e| panic!("{e}"));
        let activation = Activation::new().with("self", &data).without("oldSelf");
        let value = program.evaluate(&activation, 1_000_000).result;
        assert_eq!(value.map(|v| v.as_bool()), Ok(Some(true)), "{expression}");
    }
    let program = environment.compile("self.missing == ''").unwrap();
    let activation = Activation::new().with("self", &data);
    assert_eq!(
        program
            .evaluate(&activation, 100)
            .result
            .unwrap_err()
            .to_string(),
        "no such key: missing"
    );
}

#[derive(Debug, Default)]
struct RecordingAuthorizer(Mutex<Vec<Attributes>>);

impl Authorizer for RecordingAuthorizer {
    fn authorize(&self, attributes: &Attributes) -> Decision {
        self.0.lock().unwrap().push(attributes.clone());
        let allowed = attributes.verb == "get";
        Decision {
            allowed,
            reason: "because".to_owned(),
            error: None,
        }
    }
}

#[test]
fn checks_call_the_authorizer() {
    let environment = Environment::new(37)
        .with_authorizer()
        .with_variable("self", DeclType::any());
    let asked = RecordingAuthorizer::default();
    let request = Attributes {
        resource: "pods".to_owned(),
        ..Attributes::default()
    };
    let expression = "authorizer.group('apps').resource('deployments').subresource('status').namespace('ns').name('n')\
        .fieldSelector('a=b').check('get').allowed() && authorizer.path('/healthz').check('get').reason() == 'because' && \
        !authorizer.serviceAccount('ns', 'sa').group('').resource('pods').check('list').allowed() && \
        authorizer.requestResource.check('get').allowed()";
    let program = environment
        .compile_condition(expression)
        .unwrap_or_else(|e| panic!("{e}"));
    let activation = Activation::new().with_authorizer(&asked, &request);
    let outcome = program.evaluate(&activation, 2_000_000);
    assert_eq!(outcome.result.unwrap().as_bool(), Some(true));
    assert!(outcome.cost > 4 * 350_000, "{}", outcome.cost);
    let asked = asked.0.into_inner().unwrap();
    assert_eq!(
        (asked[0].group.as_str(), asked[0].resource.as_str()),
        ("apps", "deployments")
    );
    assert_eq!(
        (
            asked[0].subresource.as_str(),
            asked[0].field_selector.as_str()
        ),
        ("status", "a=b")
    );
    assert_eq!(asked[1].path.as_deref(), Some("/healthz"));
    assert_eq!(
        asked[2].service_account,
        Some(("ns".to_owned(), "sa".to_owned()))
    );
    assert_eq!(asked[3].resource, "pods");
}
