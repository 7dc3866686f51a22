//! Every function of policies' expressions, each used once.

use serde_json::{Value, json};

use super::{POLICIES, denied, enforce, patch, policy, verdict};
use crate::support::server::TestServer;

/// Expressions that are true for `data`, by library.
const TRUE: &[&str] = &[
    // operators and macros
    "object.data.k == 'v' && object.data['k'] != 'w' || false",
    "1 + 2 * 3 - 4 / 2 % 3 == 5 && -(1) < 0 && 2 >= 2 && 1 <= 2 && 3 > 2",
    "has(object.data.k) && !has(object.data.missing)",
    "[1, 2].all(x, x > 0) && [1, 2].exists(x, x == 2) && [1, 2].exists_one(x, x == 2)",
    "[1, 2, 3].map(x, x * 2) == [2, 4, 6] && [1, 2, 3].filter(x, x > 1).size() == 2",
    "[1, 2, 3].map(x, x > 1, x * 2) == [4, 6]",
    "'k' in object.data && 1 in [1, 2]",
    "(object.data.k == 'v' ? 'a' : 'b') == 'a'",
    "{'a': 1}.all(k, v, v == 1) && [5].exists(i, v, i == 0 && v == 5)",
    "[1, 2].transformList(i, v, i + v) == [1, 3]",
    "{'a': 1}.transformMap(k, v, v + 1) == {'a': 2}",
    "{'a': 1}.transformMapEntry(k, v, {k + 'b': v}) == {'ab': 1}",
    // conversions
    "int('7') == 7 && uint(7) == 7u && double('1.5') == 1.5 && string(7) == '7'",
    "bool('true') && bytes('a') == b'a' && dyn(1) == 1 && type(1) == int",
    "duration('1h') == duration('60m') && timestamp('2020-01-01T00:00:00Z') < timestamp('2021-01-01T00:00:00Z')",
    "size('abc') == 3 && 'abc'.size() == 3",
    // strings
    "'abc'.contains('b') && 'abc'.startsWith('a') && 'abc'.endsWith('c')",
    "'abc'.matches('^[a-c]+$') && 'abc'.charAt(1) == 'b'",
    "'abcb'.indexOf('b') == 1 && 'abcb'.lastIndexOf('b') == 3",
    "'a,b'.split(',') == ['a', 'b'] && ['a', 'b'].join('-') == 'a-b'",
    "' A '.trim() == 'A' && 'aB'.lowerAscii() == 'ab' && 'aB'.upperAscii() == 'AB'",
    "'aba'.replace('a', 'c') == 'cbc' && 'abc'.substring(1) == 'bc'",
    "'%s is %d'.format(['a', 1]) == 'a is 1' && strings.quote('a') == '\"a\"'",
    // regular expressions
    "'a1b22'.find('[0-9]+') == '1' && 'a1b22'.findAll('[0-9]+') == ['1', '22']",
    // lists
    "[1, 2, 3].isSorted() && [1, 2].sum() == 3 && [1, 2].min() == 1 && [1, 2].max() == 2",
    "[1, 2, 1].indexOf(1) == 0 && [1, 2, 1].lastIndexOf(1) == 2",
    "[[1], [2]].flatten() == [1, 2] && [1, 1, 2].distinct() == [1, 2] && [2, 1].sort() == [1, 2]",
    "[1, 2, 3].slice(0, 2) == [1, 2] && lists.range(2) == [0, 1] && [1, 2].reverse() == [2, 1]",
    "[{'n': 2}, {'n': 1}].sortBy(e, e.n)[0].n == 1 && [1, 2].includes(2)",
    // sets
    "sets.contains([1, 2], [1]) && sets.equivalent([1, 1], [1]) && sets.intersects([1, 2], [2, 3])",
    // optional values
    "object.?data.?missing.orValue('d') == 'd' && optional.of(1).value() == 1",
    "optional.none().or(optional.of(1)).hasValue() && !optional.ofNonZeroValue('').hasValue()",
    "optional.of(1).optMap(x, x + 1).value() == 2 && optional.of(1).optFlatMap(x, optional.none()) == optional.none()",
    "object.data[?'k'].value() == 'v'",
    // times
    "timestamp('2020-02-03T04:05:06.007Z').getFullYear() == 2020 && timestamp('2020-02-03T04:05:06Z').getMonth() == 1",
    "timestamp('2020-02-03T00:00:00Z').getDate() == 3 && timestamp('2020-02-03T00:00:00Z').getDayOfMonth() == 2",
    "timestamp('2020-02-03T00:00:00Z').getDayOfWeek() == 1 && timestamp('2020-02-03T00:00:00Z').getDayOfYear() == 33",
    "timestamp('2020-02-03T04:05:06.007Z').getHours() == 4 && timestamp('2020-02-03T04:05:06.007Z').getMinutes() == 5",
    "timestamp('2020-02-03T04:05:06.007Z').getSeconds() == 6 && timestamp('2020-02-03T04:05:06.007Z').getMilliseconds() == 7",
    "duration('90m').getHours() == 1 && duration('90m').getMinutes() == 90",
    // URLs
    "isURL('https://a:80/p?q=1') && url('https://a:80/p?q=1').getHost() == 'a:80'",
    "url('https://a:80/p?q=1').getScheme() == 'https' && url('https://a:80/p?q=1').getHostname() == 'a'",
    "url('https://a:80/p?q=1').getPort() == '80' && url('https://a:80/p?q=1').getEscapedPath() == '/p'",
    "url('https://a/p?q=1').getQuery() == {'q': ['1']}",
    // quantities
    "isQuantity('1.5Gi') && quantity('1k') == quantity('1000') && quantity('1').add(1).compareTo(quantity('2')) == 0",
    "quantity('2').sub(quantity('1')).asInteger() == 1 && quantity('2').isInteger() && sign(quantity('-2')) == -1",
    "quantity('2').isGreaterThan(quantity('1')) && quantity('1').isLessThan(quantity('2'))",
    "quantity('1500m').asApproximateFloat() == 1.5",
    // addresses and networks
    "isIP('10.0.0.1') && ip('10.0.0.1').family() == 4 && ip.isCanonical('::1') && string(ip('::1')) == '::1'",
    "ip('127.0.0.1').isLoopback() && ip('0.0.0.0').isUnspecified() && ip('10.0.0.1').isGlobalUnicast()",
    "ip('224.0.0.1').isLinkLocalMulticast() && ip('169.254.0.1').isLinkLocalUnicast()",
    "isCIDR('10.0.0.0/8') && cidr('10.0.0.0/8').containsIP('10.1.1.1') && cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')",
    "cidr('10.0.0.1/8').ip() == ip('10.0.0.1') && cidr('10.0.0.1/8').masked() == cidr('10.0.0.0/8') && cidr('10.0.0.0/8').prefixLength() == 8",
    // named formats
    "!format.dns1123Label().validate('abc').hasValue() && format.named('uuid').value().validate('x').hasValue()",
    "format.dns1123Subdomain().validate('A').hasValue() && !format.dns1035Label().validate('a').hasValue() && !format.qualifiedName().validate('a/b').hasValue()",
    "!format.labelValue().validate('a').hasValue() && !format.uri().validate('https://a').hasValue() && !format.uuid().validate('123e4567-e89b-12d3-a456-426614174000').hasValue()",
    "!format.byte().validate('YQ==').hasValue() && !format.date().validate('2020-01-01').hasValue() && !format.datetime().validate('2020-01-01T00:00:00Z').hasValue()",
    "!format.dns1123LabelPrefix().validate('a-').hasValue() && !format.dns1123SubdomainPrefix().validate('a.b-').hasValue() && !format.dns1035LabelPrefix().validate('a-').hasValue()",
    // versions
    "isSemver('1.2.3') && semver('1.2.3').major() == 1 && semver('1.2.3').minor() == 2 && semver('1.2.3').patch() == 3",
    "semver('1.2.3').isLessThan(semver('1.3.0')) && semver('2.0.0').isGreaterThan(semver('1.0.0')) && semver('1.0.0').compareTo(semver('1.0.0')) == 0",
    // authorization
    "authorizer.group('').resource('pods').subresource('log').namespace('default').name('a').check('get').allowed()",
    "authorizer.path('/healthz').check('get').allowed() && !authorizer.path('/healthz').check('get').errored()",
    "authorizer.path('/healthz').check('get').error() == '' && authorizer.requestResource.check('create').reason() == ''",
    "!authorizer.serviceAccount('default', 'nobody').group('').resource('secrets').check('get').allowed()",
    "authorizer.group('').resource('pods').fieldSelector('a=b').labelSelector('c=d').check('list').allowed()",
    // the fields of a request
    "request.kind.kind == 'ConfigMap' && request.resource.resource == 'configmaps' && request.operation == 'CREATE'",
    "request.userInfo.username == 'root' && 'system:masters' in request.userInfo.groups && request.dryRun",
    "request.name == 'm' && request.namespace == 'default' && request.options.kind == 'CreateOptions'",
    "namespaceObject.metadata.name == 'default' && namespaceObject.spec.finalizers == ['kubernetes']",
];

#[tokio::test]
async fn every_function_can_be_used() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let all: Vec<_> = TRUE
        .iter()
        .map(|expression| json!({"expression": expression}))
        .collect();
    enforce(&admin, &policy("p", &json!({"validations": all}))).await;
    let data = json!({"k": "v"});
    assert_eq!(verdict(&admin, &data).await, "");
    let path = format!("{POLICIES}/p");
    for expression in TRUE {
        let not = format!("!({expression})");
        let change: Value = json!({"spec": {"validations": [{"expression": not}]}});
        let changed = patch(&admin, &path, &change).await;
        assert_eq!(changed.code, 200, "{changed:?}");
        let said = verdict(&admin, &data).await;
        assert_eq!(said, denied(&format!("failed expression: {not}")));
    }
}
