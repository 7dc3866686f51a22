# shellcheck shell=bash
# The flags of the book's API server (section 13.3.1), without and with PodSecurityPolicy.

CHAPTER13=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

BOOK_PLUGINS=NamespaceLifecycle,LimitRanger,ServiceAccount,PersistentVolumeLabel,DefaultStorageClass
BOOK_PLUGINS+=,ResourceQuota,DefaultTolerationSeconds

# shellcheck disable=SC2034 # for the scripts that source this file
PLAIN_FLAGS=(
  "--basic-auth-file=$CHAPTER13/password.csv"
  --authorization-mode=RBAC
  "--enable-admission-plugins=$BOOK_PLUGINS"
)

# shellcheck disable=SC2034
BOOK_FLAGS=(
  "--basic-auth-file=$CHAPTER13/password.csv"
  --authorization-mode=RBAC
  "--enable-admission-plugins=$BOOK_PLUGINS,PodSecurityPolicy"
)
