// SPDX-License-Identifier: Apache-2.0
/**
 * The completion scripts of the shells. They know nothing of runt's commands: they hand over the words up to the cursor,
 * unquoted, to `runt completion SHELL -- WORDS`, and show its reply. `@{` stands for the shells' `${`, which means something
 * else in a template.
 */

const BASH = String.raw`# Completion of runt for bash: source <(runt completion bash)

_runt() {
  local line=@{COMP_LINE:0:COMP_POINT} program=$1 tab=$'\t' words=() replies=()
  local index rest word current tail
  # Bash splits words at "=" and ":", too; what no space parts is one word of runt's.
  for ((index = 0; index <= COMP_CWORD; index++)); do
    word=@{COMP_WORDS[index]}
    rest=@{line#"@{line%%[![:space:]]*}"}
    ((index == COMP_CWORD)) && word=$rest
    if ((index > 0)) && [[ $rest == "$line" ]]; then
      words[-1]+=$word
    else
      words+=("$word")
    fi
    line=@{rest#"$word"}
  done
  words=("@{words[@]//[\\\"\']/}")
  [[ $program == "~/"* ]] && program=$HOME/@{program:2}
  mapfile -t replies < <("$program" completion bash -- "@{words[@]:1}" 2>/dev/null)
  current=@{words[-1]}
  tail=$current
  # Only what is behind the "=" gets replaced.
  [[ $COMP_WORDBREAKS == *=* ]] && tail=@{current##*=}
  COMPREPLY=()
  case @{replies[0]-} in
    files | directories)
      compopt -o filenames
      word=@{current#-*=}
      if [[ @{replies[0]} == files ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
      fi
      ;;
    words)
      for word in "@{replies[@]:1}"; do
        word=@{word%%"$tab"*}
        COMPREPLY+=("@{word#"@{current%"$tail"}"}")
      done
      ;;
  esac
}
complete -F _runt runt
`;

const ZSH = String.raw`#compdef runt
# Completion of runt for zsh: source <(runt completion zsh), or this as _runt in a directory of $fpath

_runt() {
  local program=@{(Q)words[1]} tab=$'\t' word help reply
  local -a before replies values
  [[ $program == "~/"* ]] && program=$HOME/@{program#"~/"}
  before=("@{(@Q)words[2,CURRENT-1]}")
  ((CURRENT > 2)) || before=()
  replies=("@{(@f)$("$program" completion zsh -- "@{before[@]}" "@{(Q)PREFIX}" 2>/dev/null)}")
  case @{replies[1]} in
    files)
      compset -P '-*='
      _files
      ;;
    directories)
      compset -P '-*='
      _files -/
      ;;
    words)
      for reply in "@{(@)replies[2,-1]}"; do
        word=@{reply%%$tab*}
        help=@{reply#*$tab}
        values+=("@{word//:/\\:}@{help:+:$help}")
      done
      _describe -V runt values
      ;;
  esac
}

if [[ @{funcstack[1]-} == _runt ]]; then
  _runt "$@"
else
  compdef _runt runt
fi
`;

const FISH = String.raw`# Completion of runt for fish: runt completion fish | source

function __runt_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    test (count $current) -eq 0; and set current ''
    set -l program (string replace -r '^~/' $HOME/ -- $before[1])
    set -l replies ($program completion fish -- $before[2..-1] $current 2>/dev/null)
    # "--option=" before a path is part of the word that gets replaced.
    set -l path (string replace -r '^-[^=]*=' '' -- $current)
    set -l start (string match -r '^-[^=]*=' -- $current)
    switch "$replies[1]"
        case files
            for found in (__fish_complete_path $path)
                echo "$start$found"
            end
        case directories
            for found in (__fish_complete_directories $path)
                echo "$start$found"
            end
        case words
            test (count $replies) -gt 1; and printf '%s\n' $replies[2..-1]
    end
end
complete -c runt -f -a '(__runt_complete)'
`;

const SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH } as const;

/** The script that a shell sources; `undefined` for an unknown shell. */
export function completionScript(shell: string): string | undefined {
  if (!Object.hasOwn(SCRIPTS, shell)) return undefined;
  return SCRIPTS[shell as keyof typeof SCRIPTS].replaceAll("@{", "${");
}
