# The names of all programs: what bins/ holds.
{ lib }:
lib.attrNames (lib.filterAttrs (_name: type: type == "directory") (builtins.readDir ../bins))
