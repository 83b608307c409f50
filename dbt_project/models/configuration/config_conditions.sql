-- Every condition of the configuration in one shape, one row per condition: segment rules, the good
-- and poor conditions of health rules, the healthy and poor bands of score rules, and milestones,
-- whose `clause` is the milestone.
--
-- `threshold` is what the file says, a single number written as a person would. The parsed forms
-- are lists, because `in` takes several: `threshold_numbers`, `threshold_texts`.
{{ configured_conditions('config') }}
