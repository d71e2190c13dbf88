"""Bytes by digest, folders as manifests, named versions: what runs make and read."""
