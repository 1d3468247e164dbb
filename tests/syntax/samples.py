"""Source files in the manner of each language: documented functions in the places where people put them.

Each file comes with what is expected of it: qualified name -> (header, summary, the statements worth completing).
"""

JAVASCRIPT = """\
'use strict';
(function () {
  /**
   * Sum of the prices in a cart.
   *
   * Taxes are left out.
   * @param {Array<Item>} items what is in it
   * @returns {number}
   */
  function total(items) {
    let sum = 0; // in cents
    for (const item of items) {
      sum += item.price * item.count;
    }
    return Math.round(sum);
  }

  // Adds one item
  // at the end.
  exports.add = async function add(cart, item) {
    const copy = `a
  b`;
    await cart.items.push(item);
  };

  class Cart extends Base {
    /** The number of items in it. */
    get size() { return this.items.length; }

    /* Removes what is not wanted any more. */
    drop = (item) => {
      const left = this.items.filter((other) => other !== item);
      this.items = left;
    };
  }

  var api = {
    /** Opens the cart again. */
    open: function (id) {
      log('x');
      return carts.get(id);
    },
  };
})();
"""
JAVASCRIPT_WANTED = {
    "total": (
        "function total(items)",
        "Sum of the prices in a cart.",
        ["sum += item.price * item.count;", "return Math.round(sum);"],
    ),
    "exports.add": (
        "exports.add = async function add(cart, item)",
        "Adds one item at the end.",
        ["await cart.items.push(item);"],
    ),
    "Cart.size": ("get size()", "The number of items in it.", []),
    "Cart.drop": ("drop = (item) =>", "Removes what is not wanted any more.", ["this.items = left;"]),
    "open": ("open: function (id)", "Opens the cart again.", ["return carts.get(id);"]),
}

TYPESCRIPT = """\
namespace Shop {
  /** Finds the first that fits. */
  export const find = <T>(all: T[], fits: (one: T) => boolean): T | undefined => {
    const found: T[] = all.filter(fits);
    return found.length > 0 ? found[0] : undefined;
  };

  export abstract class Store<T> {
    /**
     * @description Keeps a value under its key.
     * @param key where
     */
    @logged({ level: 1 })
    protected put(key: string, value: T): void {
      const place: number = this.place(key);
      this.values[place] = value;
    }

    /** Declared only, without a body. */
    abstract place(key: string): number;
  }
}
"""
TYPESCRIPT_WANTED = {
    "Shop.find": (
        "export const find = <T>(all: T[], fits: (one: T) => boolean): T | undefined =>",
        "Finds the first that fits.",
        ["return found.length > 0 ? found[0] : undefined;"],
    ),
    "Shop.Store.put": (
        "@logged({ level: 1 })\nprotected put(key: string, value: T): void",
        "Keeps a value under its key.",
        ["this.values[place] = value;"],
    ),
}

JAVA = """\
package shop;

/** A point. */
public class Point<T extends Number> {
    private int x; // its place
    /**
     * Makes a point at the given {@link Place#x place}.
     * <p>
     * Both may be {@code null}.
     *
     * @param x where
     */
    @Inject
    public Point(int x) {
        super();
        this.x = requireNonNull(x);
    }

    // Moves by so much.
    public <S> Point<T> move(List<? extends S> by) throws IOException {
        for (S step : by) {
            int next = this.x - step.intValue();
            log.info("moved {}", next);
        }
        return new Point<>(x);
    }

    /** Moves by nothing at all. */
    public Point<T> move() {
        return this;
    }

    /** Not made yet, sorry. */
    public void open() {
        throw new UnsupportedOperationException("later");
    }

    interface Shape {
        /** How large it is. */
        double area();
    }
}
"""
JAVA_WANTED = {
    "Point.Point": (
        "@Inject\npublic Point(int x)",
        "Makes a point at the given place.",
        ["this.x = requireNonNull(x);"],
    ),
    "Point.move": (
        "public <S> Point<T> move(List<? extends S> by) throws IOException",
        "Moves by so much.",
        ["int next = this.x - step.intValue();", 'log.info("moved {}", next);', "return new Point<>(x);"],
    ),
    "Point.open": ("public void open()", "Not made yet, sorry.", []),
}

GO = """\
// Package shop sells things.
package shop

// Total adds up the prices of all items
// in a cart.
//
// Deprecated: use Sum.
func Total(items []Item, rate float64) (sum float64, err error) {
\tfor _, item := range items {
\t\tprice, err := item.Price(rate)
\t\tif err != nil {
\t\t\treturn 0, err
\t\t}
\t\tsum += price
\t}
\treturn sum, nil
}

// Add puts an item into the cart.
//
//go:noinline
func (c *Cart[K, V]) Add(item V) {
\ttext := `a
\tb`
\tc.items = append(c.items, item, text)
}
"""
GO_WANTED = {
    "Total": (
        "func Total(items []Item, rate float64) (sum float64, err error)",
        "Total adds up the prices of all items in a cart.",
        [
            "price, err := item.Price(rate)",
            "sum += price",
        ],
    ),
    "Cart.Add": (
        "func (c *Cart[K, V]) Add(item V)",
        "Add puts an item into the cart.",
        ["c.items = append(c.items, item, text)"],
    ),
}

RUBY = """\
module Shop
  class Cart < Base
    # Adds up the prices
    # of all +items+.
    #
    # @param items [Array]
    def self.total(items, rate: 1)
      sum = items.drop(1).map(&:price).sum - items[0].rebate
      raise ArgumentError, 'empty' unless items.any?
      sum * rate
    rescue TypeError => e
      log.warn(e.message)
    end

    # Opens it for the given user.
    private def open?(user) = user.may?(self)

    def undocumented; end
  end
end
"""
RUBY_WANTED = {
    "Shop.Cart.total": (
        "def self.total(items, rate: 1)",
        "Adds up the prices of all `items`.",
        ["raise ArgumentError, 'empty' unless items.any?", "sum * rate", "log.warn(e.message)"],
    ),
    "Shop.Cart.open?": ("private def open?(user)", "Opens it for the given user.", []),
}

RUST = """\
//! Things to sell.
impl<'a, T: Clone> Shop<'a, T> {
    /// Adds up the prices, see [`Item::price`].
    ///
    /// # Examples
    ///
    /// ```
    /// shop.total();
    /// ```
    #[inline]
    #[must_use]
    pub fn total(&self, rate: f64) -> Result<f64, Error>
    where
        T: Into<f64>,
    {
        let sum: f64 = self.items.iter().map(|item| item.price).sum();
        let taxed = sum * (1.0 + rate);
        Ok(taxed)
    }

    /// To be written some day.
    fn later() { todo!("write it") }
}
"""
RUST_WANTED = {
    "Shop.total": (
        "#[inline]\n#[must_use]\npub fn total(&self, rate: f64) -> Result<f64, Error>\nwhere\n    T: Into<f64>,",
        "Adds up the prices, see `Item::price`.",
        ["let taxed = sum * (1.0 + rate);"],
    ),
    "Shop.later": ("fn later()", "To be written some day.", []),
}

PHP = """\
<html><?php
namespace App;

trait Sums
{
    /**
     * Adds up the prices of all items.
     *
     * @param  Item[] $items
     * @return float
     */
    #[Pure]
    public static function total(array $items, ?float $rate = null): float
    {
        $sum = 0.0;
        foreach ($items as $item) {
            $sum += $item->price * self::RATE;
        }
        return round($sum - $rate);
    }

    /** {@inheritDoc} */
    public function open() { return $this->door; }
}

# Says hello to somebody.
function hello($name)
{
    $text = <<<EOT
  Hello $name
EOT;
    echo $text, strlen($name);
}
?></html>
"""
PHP_WANTED = {
    "Sums.total": (
        "#[Pure]\npublic static function total(array $items, ?float $rate = null): float",
        "Adds up the prices of all items.",
        ["$sum += $item->price * self::RATE;", "return round($sum - $rate);"],
    ),
    "Sums.open": ("public function open()", None, []),
    "hello": ("function hello($name)", "Says hello to somebody.", ["echo $text, strlen($name);"]),
}

C = """\
#include <stdio.h>
#define TWICE(x) ((x) * 2)

/* Copyright 2020 Somebody. All rights reserved. */
static int zero(void) { return 0; }

/**
 * @brief Adds up the first numbers.
 *
 * The caller owns @p values.
 * @param values them
 */
static inline long
sum(const int *values, size_t count)
{
#ifdef CHECKED
\tif (!values)
\t\treturn -1;
#endif
\tlong all = 0;
\tfor (size_t i = 0; i < count; i++)
\t\tall += values[i] * TWICE(count);
\treturn clamp(all);
}
"""
C_WANTED = {
    "zero": ("static int zero(void)", None, []),
    "sum": (
        "static inline long\nsum(const int *values, size_t count)",
        "Adds up the first numbers.",
        ["all += values[i] * TWICE(count);", "return clamp(all);"],
    ),
}

CPP = """\
namespace shop {
class Cart : public Base {
 public:
  /// Makes an empty cart
  /// for a user.
  explicit Cart(User user) : user_(std::move(user)), open_(true) {
    check(user_);
    register_cart(this, user_);
  }

  //! The number of items in it.
  template <typename T>
  [[nodiscard]] auto size() const noexcept -> std::size_t {
    return items_.size();
  }
  ~Cart() = default;
};

/*! \\brief Takes an item out of it. \\return the item */
Item* Cart::take(const std::vector<Item>& from, int place) const {
  auto found = from.at(place);
  return lookup(found, place);
}
}  // namespace shop
"""
CPP_WANTED = {
    "shop.Cart.Cart": ("explicit Cart(User user)", "Makes an empty cart for a user.", ["register_cart(this, user_);"]),
    "shop.Cart.size": (
        "template <typename T>\n[[nodiscard]] auto size() const noexcept -> std::size_t",
        "The number of items in it.",
        [],
    ),
    "shop.Cart::take": (
        "Item* Cart::take(const std::vector<Item>& from, int place) const",
        "Takes an item out of it.",
        ["return lookup(found, place);"],
    ),
}

CSHARP = """\
namespace Shop
{
    public class Cart<T> : Base where T : Item
    {
        /// <summary>
        /// Adds up the prices, see <see cref="Shop.Item.Price"/>.
        /// </summary>
        /// <remarks>Taxes are left out.</remarks>
        /// <param name="rate">how much</param>
        [Obsolete("x")]
        public override async Task<decimal> Total(decimal rate)
        {
            decimal sum = Items.Sum(item => item.Price);
            await Log.Write(sum, rate);
            return sum - rate;
        }

        /// <summary>Makes a cart for a user.</summary>
        public Cart(User user) : base(user) { Owner = user; Opened = DateTime.Now; }

        /// <summary>How many there are in it.</summary>
        public int Count() => Items.Count;
    }
}
"""
CSHARP_WANTED = {
    "Shop.Cart.Total": (
        '[Obsolete("x")]\npublic override async Task<decimal> Total(decimal rate)',
        "Adds up the prices, see `Price`.",
        ["await Log.Write(sum, rate);", "return sum - rate;"],
    ),
    "Shop.Cart.Cart": ("public Cart(User user)", "Makes a cart for a user.", []),
    "Shop.Cart.Count": ("public int Count()", "How many there are in it.", []),
}

PYTHON = '''\
class Cart:
    @classmethod
    def total(cls, items: list["Item"], *, rate: float = 1.0) -> float:
        """Add up the prices.

        Args:
            items: what is in it
        """
        # Add up the prices.
        prices = [item.price for item in items if item.price > 0]
        check(prices)
        return sum(prices) * rate
'''
PYTHON_WANTED = {
    "Cart.total": (
        '@classmethod\ndef total(cls, items: list["Item"], *, rate: float = 1.0) -> float:',
        "Add up the prices.",
        ["check(prices)", "return sum(prices) * rate"],
    ),
}

SAMPLES = {
    "javascript": (JAVASCRIPT, JAVASCRIPT_WANTED),
    "typescript": (TYPESCRIPT, TYPESCRIPT_WANTED),
    "java": (JAVA, JAVA_WANTED),
    "go": (GO, GO_WANTED),
    "ruby": (RUBY, RUBY_WANTED),
    "rust": (RUST, RUST_WANTED),
    "php": (PHP, PHP_WANTED),
    "c": (C, C_WANTED),
    "cpp": (CPP, CPP_WANTED),
    "csharp": (CSHARP, CSHARP_WANTED),
    "python": (PYTHON, PYTHON_WANTED),
}
